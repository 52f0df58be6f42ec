"""orders is rewritten, which older snapshots cannot see: no session may find it empty."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg2 import extensions

from tests.restructuring.database.test_locks import as_role, commit, role, session
from tests.support.database.databases import Database
from tests.support.runs.aftermath import remember, state
from tests.support.runs.command import run_child, start

pytestmark = pytest.mark.slow

__all__ = ["role"]

COUNT = "SELECT count(*) FROM orders"
OTHER_TABLE = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shipments"


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))


def count(connection: extensions.connection, query: str = COUNT) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchall()[0][0])


@contextmanager
def older_snapshot(database: Database) -> Iterator[extensions.connection]:
    """A session that reads as of now, but holds no lock on any of the tables."""
    with session(database, OTHER_TABLE, application="accounts") as connection:
        yield connection


@pytest.mark.parametrize("restricted", [False, True], ids=["superuser", "without pg_monitor"])
def test_an_older_snapshot_is_waited_for_and_never_finds_orders_empty(
    sample: Database, options: tuple[str, ...], role: str, *, restricted: bool
) -> None:
    before = remember(sample)
    url = as_role(sample, role) if restricted else sample.url
    with (
        older_snapshot(sample) as reader,
        start(url, *options, "--lock-timeout", "0.3") as begun,
    ):
        begun.wait_for("try 2 of 12")
        pid = reader.info.backend_pid
        assert f"pid {pid}, user postgres, application accounts" in begun.said()
        assert "reads as of an earlier time" in begun.said()
        assert count(reader) == len(before.rows["orders"])
        commit(reader)
        done = begun.end()
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"


LOOKS_MEANWHILE = """
import psycopg2
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
migrate = PlannedMigrations.apply
def meanwhile(*arguments):
    global other
    other = psycopg2.connect(os.environ["DATABASE_URL"], application_name="accounts")
    other.autocommit = True
    other.cursor().execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shipments")
    migrate(*arguments)
PlannedMigrations.apply = meanwhile
import atexit
def look():
    cursor = other.cursor()
    cursor.execute("SELECT count(*) FROM orders")
    print("SEEN", cursor.fetchone()[0])
atexit.register(look)
"""


def test_a_snapshot_taken_meanwhile_does_not_find_orders_empty(
    sample: Database, options: tuple[str, ...]
) -> None:
    before = remember(sample)
    done = run_child(sample, *options, "--lock-timeout", "0.1", program=LOOKS_MEANWHILE)
    left = state(sample, before)
    assert f"SEEN {len(before.rows['orders'])}" in done.out
    assert done.code == 1
    assert left == "legacy"
    assert "would find the rewritten tables empty" in done.error
    assert "application accounts" in done.error


def test_who_waits_inside_a_transaction_is_named_in_the_report(
    sample: Database, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """PostgreSQL hides the rows from it, and its kind of snapshot from us."""
    program = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from django.db import connection
migrate = PlannedMigrations.apply
def go_on_when_somebody_waits(*arguments):
    migrate(*arguments)
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())")
            waiting = cursor.fetchone()[0]
PlannedMigrations.apply = go_on_when_somebody_waits
"""
    with (
        start(sample, *options, program=program) as begun,
        session(sample, application="nightly dump") as late,
        ThreadPoolExecutor(1) as pool,
    ):
        begun.wait_for("Applying orders.0002_hierarchy: ")
        with late.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        waiting = pool.submit(count, late)
        done = begun.end()
        assert waiting.result() == 0
    assert done.code == 0, done.output
    (report,) = tmp_path.glob("migration_report_*.txt")
    assert "application nightly dump" in report.read_text()
    assert "finds orders empty: let it begin anew" in done.output
