"""Ctrl-C and SIGTERM: within two seconds, one line says what was and was not done, exit 130."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, half_backups, remember, state
from tests.support.runs.command import LAST_WORDS, Result, Running, run_child, start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

QUICK = 2.0
"""How many seconds an interrupted run may take to end."""

STANDS_STILL = """
CREATE FUNCTION stand_still() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(30); END $$;
CREATE EVENT TRIGGER stand_still ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER')
EXECUTE FUNCTION stand_still();
"""
"""Makes one statement of the migration, late in the run, take half a minute."""

WIDE_ROWS = """
UPDATE orders SET specifications = (
    SELECT string_agg(md5(orders.id::text || n), '') FROM generate_series(1, 1000) AS n)
"""
"""Makes the backup take a while: 600 orders of 32 kB that hardly compress."""

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def interrupt(run: Running, number: signal.Signals) -> Result:
    """Send the signal; return how the run ended, which it has to in time."""
    sent = time.monotonic()
    run.send(number)
    done = run.end()
    assert time.monotonic() - sent < QUICK, done.output
    return done


def assert_told_in_one_line(done: Result, *parts: str) -> None:
    """The last line says it all, and there is no traceback."""
    assert done.code == 130, done.output
    assert "Traceback" not in done.output
    assert re.match(r"CommandError: \[MC80\d\] Interrupted", done.error), done.error
    assert "\n" not in done.error
    for part in (*parts, "un the same command again"):
        assert part in done.error


def waits(database: Database) -> bool:
    """Whether a session waits for a lock on a table of this database; others are at work too."""
    return bool(
        database.value(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )


def stands_still(database: Database) -> bool:
    """Whether a session is inside the statement that STANDS_STILL makes long."""
    return bool(
        database.value(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
    )


@contextmanager
def blocking(database: Database, table: str, mode: str = "ROW EXCLUSIVE") -> Iterator[Any]:
    """Hold a table locked in another session, as a writer does; yields its connection."""
    blocker = database.connect()
    try:
        with blocker.cursor() as cursor:
            cursor.execute(f"BEGIN; LOCK TABLE {table} IN {mode} MODE")
        yield blocker
    finally:
        blocker.close()


@BOTH
def test_during_the_checks(sample: Database, tmp_path: Path, number: signal.Signals) -> None:
    before = remember(sample)
    folder = ("--backup-dir", str(tmp_path))
    with (
        blocking(sample, "customers", "ACCESS EXCLUSIVE"),
        start(sample, "--noinput", *folder) as run,
    ):
        wait_until(lambda: waits(sample))
        done = interrupt(run, number)
    assert_told_in_one_line(done, "before anything was changed")
    assert state(sample, before) == "legacy"


@BOTH
def test_during_the_backup(sample: Database, tmp_path: Path, number: signal.Signals) -> None:
    sample.execute(WIDE_ROWS)
    before = remember(sample)
    with start(sample, "--noinput", "--backup-dir", str(tmp_path)) as run:
        run.wait_for("CREATING DATABASE BACKUP")
        wait_until(lambda: any(tmp_path.glob(".*/orders.jsonl.gz")))
        done = interrupt(run, number)
    assert_told_in_one_line(done, "before anything was changed")
    assert state(sample, before) == "legacy"
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_at_the_question(sample: Database, tmp_path: Path, number: signal.Signals) -> None:
    before = remember(sample)
    with start(sample, "--backup-dir", str(tmp_path), terminal=True) as run:
        run.wait_for("Proceed with migration?")
        done = interrupt(run, number)
    (backup,) = tmp_path.glob("migration_2*")
    assert_told_in_one_line(done, "before anything was changed", f"before stays in {backup}.")
    assert state(sample, before) == "legacy"
    assert half_backups(tmp_path) == []


@BOTH
def test_while_it_waits_for_the_tables(
    sample: Database, tmp_path: Path, number: signal.Signals
) -> None:
    before = remember(sample)
    with start(sample, "--skip-backup", "--backup-dir", str(tmp_path), terminal=True) as run:
        run.wait_for("Proceed with migration?")
        with blocking(sample, "orders"):
            run.answer("yes")
            wait_until(lambda: waits(sample))
            done = interrupt(run, number)
    assert_told_in_one_line(done, "at the step 'locks'", "rolled back")
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)


@BOTH
def test_during_a_long_statement(sample: Database, tmp_path: Path, number: signal.Signals) -> None:
    sample.run_script(STANDS_STILL)
    before = remember(sample)
    with start(sample, "--noinput", "--backup-dir", str(tmp_path)) as run:
        run.wait_for("Applying orders.0002_hierarchy: ")
        wait_until(lambda: stands_still(sample))
        done = interrupt(run, number)
    assert_told_in_one_line(done, "0003_triggers", "rolled back", "the database is as it was")
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)
    assert half_backups(tmp_path) == []


@BOTH
def test_while_it_waits_between_two_tries(
    sample: Database, tmp_path: Path, number: signal.Signals
) -> None:
    before = remember(sample)
    options = ("--skip-backup", "--lock-timeout", "0.1", "--backup-dir", str(tmp_path))
    with start(sample, *options, terminal=True) as run:
        run.wait_for("Proceed with migration?")
        with blocking(sample, "orders"):
            run.answer("yes")
            run.wait_for("try 2 of 12")
            done = interrupt(run, number)
    assert_told_in_one_line(done, "at the step 'locks'")
    assert state(sample, before) == "legacy"


def test_when_its_terminal_closes_no_half_backup_stays(sample: Database, tmp_path: Path) -> None:
    sample.execute(WIDE_ROWS)
    before = remember(sample)
    with start(sample, "--noinput", "--backup-dir", str(tmp_path)) as run:
        run.wait_for("CREATING DATABASE BACKUP")
        wait_until(lambda: any(tmp_path.glob(".*/orders.jsonl.gz")))
        done = interrupt(run, signal.SIGHUP)
    assert_told_in_one_line(done, "before anything was changed")
    assert state(sample, before) == "legacy"
    assert list(tmp_path.iterdir()) == []


def test_under_nohup_the_end_of_its_terminal_is_nothing(sample: Database, tmp_path: Path) -> None:
    before = remember(sample)
    nohup = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with start(sample, "--noinput", "--backup-dir", str(tmp_path), program=nohup) as run:
        run.wait_for("Applying contacts.0003_hierarchy: ")
        run.send(signal.SIGHUP)
        done = run.end()
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"


IN_A_FINALIZER = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
migrate = PlannedMigrations.apply
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.{number})
        for _ in range(1000):
            pass
def dying(*arguments):
    Dying()
    migrate(*arguments)
    while True:
        time.sleep(0.01)
PlannedMigrations.apply = dying
"""


@BOTH
def test_in_a_finalizer_which_swallows_what_is_raised(
    sample: Database, tmp_path: Path, number: signal.Signals
) -> None:
    before = remember(sample)
    program = IN_A_FINALIZER.format(number=number.name)
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert_told_in_one_line(done, number.name, "rolled back", "the database is as it was")
    assert state(sample, before) == "legacy"


def test_a_second_signal_does_not_make_it_lie(sample: Database, tmp_path: Path) -> None:
    sample.run_script(STANDS_STILL)
    before = remember(sample)
    with start(sample, "--noinput", "--backup-dir", str(tmp_path)) as run:
        run.wait_for("Applying orders.0002_hierarchy: ")
        wait_until(lambda: stands_still(sample))
        run.send(signal.SIGINT)
        done = interrupt(run, signal.SIGTERM)
    assert done.code == 130, done.output
    assert "Traceback" not in done.output
    assert state(sample, before) == "legacy"


def test_a_rehearsal_is_interrupted_like_a_run(sample: Database, tmp_path: Path) -> None:
    before = remember(sample)
    with start(sample, "--rehearse", "--noinput", "--backup-dir", str(tmp_path)) as run:
        run.wait_for("Applying contacts.0003_hierarchy: ")
        done = interrupt(run, signal.SIGINT)
    if LAST_WORDS in done.err and done.code == 0:
        pytest.skip("the rehearsal was over before the signal came")
    assert_told_in_one_line(done, "the database is as it was")
    assert state(sample, before) == "legacy"
