"""Who keeps readers out of the tables is named and waited for, before anything is looked at."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, connections
from psycopg2 import extensions

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.reading import reading_snapshot
from tests.cases.stages import STAGES
from tests.support.database.databases import Database, Server
from tests.support.runs.backups import STAMP, back_up
from tests.support.runs.command import assert_migrates, run, run_child, start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

LEGACY = ("", "--dry-run", "--rehearse", "--restore")
MIGRATED = ("", "--verify-only", "--rollback", "--enforce-rules", "--restore")
WAITING = """
    SELECT 1 FROM pg_locks WHERE NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


HASTY = ("--lock-timeout", "0.1", "--lock-tries", "2")
"""Give up soon."""


@pytest.fixture
def other(sample: Database) -> Iterator[extensions.connection]:
    """Another program's session."""
    session = sample.connect()
    say(session, "SET application_name = 'till'")
    yield session
    session.close()


def say(session: extensions.connection, statement: str) -> None:
    with session.cursor() as cursor:
        cursor.execute(statement)


def assert_it_names(session: extensions.connection, mode: str, folder: Path) -> None:
    """Fail unless ``mode`` soon gives up, and says who keeps it from reading."""
    arguments = [mode] if mode else []
    if mode == "--restore":
        arguments.append(str(folder / "migration_20240506_070809"))
    options = ("--noinput", "--backup-dir", str(folder), *HASTY)
    done = run(*arguments, *options)
    assert done.code == 1
    pid = session.info.backend_pid
    assert f"try 1 of 2: waiting for pid {pid}, user postgres, application till" in done.err
    assert "The tables could not be read in 2 tries of 0.1 s" in done.error
    assert f"In the way: pid {pid}, user postgres, application till" in done.error
    assert "query: BEGIN; LOCK TABLE" in done.error
    assert "Nothing was changed" in done.error
    assert done.seconds < 10


@pytest.mark.parametrize("table", ["customers", "tenants"])
@pytest.mark.parametrize("mode", LEGACY)
def test_on_a_legacy_database(
    sample: Database, other: extensions.connection, tmp_path: Path, mode: str, table: str
) -> None:
    back_up(tmp_path)
    before = sample.dump()
    say(other, f"BEGIN; LOCK TABLE {table}")
    assert_it_names(other, mode, tmp_path)
    say(other, "ROLLBACK")
    assert sample.dump() == before


def test_on_a_migrated_database(
    sample: Database, other: extensions.connection, tmp_path: Path
) -> None:
    back_up(tmp_path)
    assert_migrates(tmp_path)
    before = sample.dump()
    for mode in MIGRATED:
        for table in ("contacts", "contacts_restructuringrun", "django_migrations"):
            say(other, f"BEGIN; LOCK TABLE {table}")
            assert_it_names(other, mode, tmp_path)
            say(other, "ROLLBACK")
    assert sample.dump() == before


def test_on_the_wreck(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(STAGES["partial"][1])
    session = legacy.connect()
    try:
        say(session, "SET application_name = 'till'")
        say(session, "BEGIN; LOCK TABLE orders")
        assert_it_names(session, "--recover", tmp_path)
    finally:
        session.close()


def test_it_goes_on_when_the_table_is_free(sample: Database, other: extensions.connection) -> None:
    say(other, "BEGIN; LOCK TABLE customers")
    with start(sample, "--dry-run", "--lock-timeout", "0.2") as begun:
        begun.wait_for("try 2 of 12: waiting for pid")
        say(other, "COMMIT")
        done = begun.end()
    assert done.code == 0, done.output


def test_a_writer_keeps_no_reader_waiting(sample: Database, other: extensions.connection) -> None:
    say(other, "BEGIN; UPDATE customers SET name = name")
    done = run_child(sample, "--dry-run", "--lock-timeout", "0.2")
    assert done.code == 0, done.output
    assert "waiting for" not in done.err


def test_who_waits_for_the_table_is_in_the_way_of_later_readers(
    sample: Database, other: extensions.connection
) -> None:
    """PostgreSQL lets nobody overtake: a reader waits behind who waits for all readers to go."""
    say(other, "BEGIN; SELECT count(*) FROM customers")
    second = sample.connect()
    pid = second.info.backend_pid
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(say, second, "ALTER TABLE customers ADD later text")
        wait_until(lambda: bool(sample.fetch(WAITING)))
        done = run("--dry-run", *HASTY)
        say(other, "COMMIT")
        waiting.result(10)
    second.close()
    assert f"In the way: pid {pid}," in done.error
    assert "query: ALTER TABLE customers ADD later text" in done.error


def test_who_alters_several_tables_is_not_broken_off(
    sample: Database, other: extensions.connection
) -> None:
    """We wait for orders: who holds it and goes on to customers must not wait for us as well."""
    say(other, "SET deadlock_timeout = '10ms'")
    say(other, "BEGIN; ALTER TABLE orders ADD later text")
    with start(sample, "--dry-run", "--lock-timeout", "20", "-v", "2") as begun:
        wait_until(lambda: bool(sample.fetch(WAITING)))
        say(other, "ALTER TABLE customers ADD later text")
        say(other, "COMMIT")
        done = begun.end()
    assert done.code == 0, done.output
    assert "Columns that are not modelled" in done.out


def test_a_schema_that_goes_meanwhile_is_no_failure(
    sample: Database, other: extensions.connection
) -> None:
    sample.execute("CREATE SCHEMA annex; CREATE TABLE annex.visits (id int REFERENCES customers)")
    say(other, "BEGIN; DROP SCHEMA annex CASCADE")
    with start(sample, "--dry-run", "--lock-timeout", "20", "-v", "2") as begun:
        wait_until(lambda: bool(sample.fetch(WAITING)))
        say(other, "COMMIT")
        done = begun.end()
    assert done.code == 0, done.output
    assert "a session that has just renamed or dropped a table" in done.err


def test_who_holds_what_inherits_from_a_table_is_named(
    sample: Database, other: extensions.connection, tmp_path: Path
) -> None:
    """To lock a table that refers to ours is to lock its heirs."""
    sample.execute("CREATE TABLE visits (customer_id integer REFERENCES customers)")
    sample.execute("CREATE TABLE late_visits () INHERITS (visits)")
    say(other, "BEGIN; LOCK TABLE late_visits")
    assert_it_names(other, "--dry-run", tmp_path)


def test_a_backup_that_waited_for_a_rewrite_holds_all_rows(
    sample: Database, other: extensions.connection, tmp_path: Path
) -> None:
    """A snapshot from before the wait would find the rewritten table empty."""
    rows = sample.value("SELECT count(*) FROM orders")
    layout = read_layout(connection)
    say(other, "BEGIN; ALTER TABLE orders ALTER quantity TYPE integer USING quantity + 0")
    with ThreadPoolExecutor(1) as pool:
        backup = pool.submit(back_up_in_a_thread, layout, tmp_path)
        wait_until(lambda: bool(sample.fetch(WAITING)))
        say(other, "COMMIT")
        assert backup.result(30).rows["orders"] == rows


def back_up_in_a_thread(layout: Layout, folder: Path) -> Backup:
    """Back up over a connection of the thread's own."""
    try:
        return write_backup(reading_snapshot(connections["default"], layout), folder, STAMP)
    finally:
        connections["default"].close()


def test_a_session_of_a_copy_of_the_database_is_not_accused(
    sample: Database, server: Server, other: extensions.connection
) -> None:
    """A copy's tables have the oids of the original's."""
    connection.close()
    other.close()
    copy = Database(f"{sample.name}_copy", sample.settings)
    server.maintenance.execute(f"CREATE DATABASE {copy.name} TEMPLATE {sample.name}")
    session, blocker = copy.connect(), sample.connect()
    try:
        say(session, "BEGIN; LOCK TABLE customers")
        say(blocker, "BEGIN; LOCK TABLE customers")
        with start(sample, "--dry-run", "--lock-timeout", "0.1") as begun:
            begun.wait_for(f"waiting for pid {blocker.info.backend_pid},")
            say(blocker, "COMMIT")
            done = begun.end()
        assert f"pid {session.info.backend_pid}," not in done.output
    finally:
        session.close()
        blocker.close()
        server.drop(copy.name)
