"""A bridge that comes later: its row among the runs, and its indexes, built beside the writers."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from psycopg2.errors import UniqueViolation

from contacts.models import RestructuringRun
from contacts.restructuring.bridge.description import INDEXES
from contacts.restructuring.modes.mode import ADD_BRIDGE, MODES
from contacts.restructuring.state.record import read_record
from tests.support.database.databases import Database
from tests.support.runs.bridge import rows, session
from tests.support.runs.command import assert_migrates, assert_succeeds, run, start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

STANDING = "SELECT relname FROM pg_class WHERE relname = ANY(%s) ORDER BY 1"
BUILDING = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^CREATE INDEX CONCURRENTLY'"
CITEXT = "SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"
OURS = list(INDEXES.values())

(DROP,) = (mode for mode in MODES if mode.flag == "--drop-bridge")


@pytest.fixture
def plain(sample: Database, tmp_path: Path) -> Database:
    """A migrated database without a bridge."""
    assert_migrates(tmp_path)
    return sample


def standing(database: Database) -> list[str]:
    return [name for (name,) in database.fetch(STANDING, [OURS])]


def while_building(database: Database, folder: Path, do: Callable[[], object], *more: str) -> int:
    """Call ``do`` while ``--bridge`` waits in the middle of an index; return its exit code."""
    call = ("--bridge", "--noinput", "--backup-dir", str(folder), *more)
    with session(database, path="public") as older:
        rows(older, "UPDATE contacts SET name = name WHERE id = 1")
        with start(database, *call) as running:
            wait_until(lambda: database.value(BUILDING) == 1)
            do()
            older.rollback()
            return running.end().code


def test_writers_go_on_while_its_indexes_are_built(plain: Database, tmp_path: Path) -> None:
    def write() -> None:
        with session(plain, path="public") as application:
            rows(application, "SET lock_timeout = '5s'")
            rows(application, "UPDATE contacts SET name = 'written' WHERE id = 2")
            application.commit()

    assert while_building(plain, tmp_path, write) == 0
    assert plain.value("SELECT name FROM contacts WHERE id = 2") == "written"
    assert standing(plain) == sorted(OURS)
    assert_succeeds(tmp_path, "--verify-only")


def test_what_fails_leaves_no_index(plain: Database, tmp_path: Path) -> None:
    before = plain.dump()

    def break_off() -> None:
        plain.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query ~ '^CREATE INDEX CONCURRENTLY'"
        )
        wait_until(lambda: plain.value(BUILDING) == 0)

    assert while_building(plain, tmp_path, break_off) == 1
    assert standing(plain) == []
    assert plain.dump() == before


def test_a_lock_that_cannot_be_had_leaves_no_index(plain: Database, tmp_path: Path) -> None:
    def hold() -> None:
        rows(holder, "LOCK TABLE companies IN ROW EXCLUSIVE MODE")

    before = plain.dump()
    with session(plain, path="public") as holder:
        code = while_building(plain, tmp_path, hold, "--lock-timeout", "0.1", "--lock-tries", "1")
    assert (code, standing(plain), plain.dump()) == (1, [], before)


def test_a_type_of_another_schema_on_the_path_is_found(legacy: Database, tmp_path: Path) -> None:
    if not legacy.fetch(CITEXT):
        pytest.skip("this server has no extension citext")
    legacy.execute(
        "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions;"
        "ALTER TABLE customers ALTER email TYPE extensions.citext;"
        "INSERT INTO tenants (id, name, subdomain) VALUES (1, 'One', 'one')"
    )
    legacy.execute(f'ALTER DATABASE "{legacy.name}" SET search_path = public, extensions')
    connection.close()
    assert_migrates(tmp_path)
    assert_succeeds(tmp_path, "--bridge")
    assert standing(legacy) == sorted(OURS)
    assert_succeeds(tmp_path, "--verify-only")
    with session(legacy, path="legacy, public") as opened, opened.cursor() as cursor:
        add = "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Twin', %s)"
        cursor.execute(add, ["twin@shop.example"])
        with pytest.raises(UniqueViolation):
            cursor.execute(add, ["Twin@Shop.example"])


def test_what_was_killed_half_way_is_made_anew(plain: Database, tmp_path: Path) -> None:
    plain.execute("CREATE INDEX ix_bridge_email ON contacts (id)")
    assert_succeeds(tmp_path, "--bridge")
    assert "coalesce" in plain.value("SELECT pg_get_indexdef('ix_bridge_email'::regclass)").lower()


@pytest.mark.parametrize("mode", ["--drop-bridge", "--rollback"])
def test_what_was_killed_half_way_goes(plain: Database, tmp_path: Path, mode: str) -> None:
    plain.execute("CREATE INDEX ix_bridge_email ON contacts (coalesce(email, email_set_aside))")
    assert_succeeds(tmp_path, "--skip-backup", mode)
    assert standing(plain) == []


def test_making_and_dropping_it_are_runs(plain: Database, tmp_path: Path) -> None:
    with connection.cursor() as cursor:
        before = read_record(cursor)
        assert_succeeds(tmp_path, "--bridge")
        assert_succeeds(tmp_path, "--drop-bridge")
        assert read_record(cursor) == before
    kinds = [(run.kind, bool(run.finished_at)) for run in RestructuringRun.objects.order_by("id")]
    assert kinds == [("migration", True), ("bridge", True), ("bridge dropped", True)]
    assert {check["id"] for check in RestructuringRun.objects.get(kind="bridge").checks} >= {
        "bridge_possible",
        "bridge",
    }
    assert_succeeds(tmp_path, "--skip-backup", "--rollback")
    assert run("--dry-run").code == 0


def test_the_status_says_since_when_it_stands(plain: Database, tmp_path: Path) -> None:
    assert "Bridge: none" in assert_succeeds(tmp_path, "--status").out
    assert_succeeds(tmp_path, "--bridge")
    told = " ".join(assert_succeeds(tmp_path, "--status").out.split())
    assert "Bridge: stands in schema legacy since 20" in told
    assert "0 calls of customers and 0 calls of orders" in told


def test_it_is_told_as_every_change_is(plain: Database, tmp_path: Path) -> None:
    made = assert_succeeds(tmp_path, "--bridge")
    gone = assert_succeeds(tmp_path, "--drop-bridge")

    assert "READY TO MAKE THE BRIDGE" in made.out
    assert "READY TO DROP THE BRIDGE" in gone.out
    for done, plan in ((made, ADD_BRIDGE.steps), (gone, DROP.steps)):
        steps = re.findall(r"^Step (\d+) of (\d+): ", done.err, re.MULTILINE)
        assert steps == [(str(number), str(len(plan))) for number in range(1, len(plan) + 1)]
