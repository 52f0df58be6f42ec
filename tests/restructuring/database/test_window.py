"""--max-lockout: past the promised window, everything is rolled back, and the step is named."""

from pathlib import Path

import pytest
from django.db import connection

from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, remember, state
from tests.support.runs.command import run, run_child

pytestmark = pytest.mark.slow

SLOW = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from django.db import connection
migrate = PlannedMigrations.apply
def slow(*arguments):
    {what}
    migrate(*arguments)
PlannedMigrations.apply = slow
"""
SLEEPS = """
    with connection.cursor() as cursor:
        for _ in range({times}):
            cursor.execute("SELECT pg_sleep({seconds})")
"""


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))


def test_a_run_within_the_window_is_left_alone(
    sample: Database, options: tuple[str, ...], tmp_path: Path
) -> None:
    before = remember(sample)
    done = run(*options, "--max-lockout", "120")
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"


@pytest.mark.parametrize(
    "what",
    [
        SLEEPS.format(times=1, seconds=60),
        SLEEPS.format(times=100, seconds=0.6),
        "time.sleep(1.5)",
    ],
    ids=["inside one long statement", "among many short ones", "outside every statement"],
)
def test_past_the_window_everything_is_rolled_back(
    sample: Database, options: tuple[str, ...], what: str
) -> None:
    before = remember(sample)
    done = run_child(sample, *options, "--max-lockout", "1", program=SLOW.format(what=what.strip()))
    assert done.code == 1, done.output
    assert "The window of 1 s (--max-lockout) was over at the step" in done.error
    assert "--rehearse" in done.error
    assert done.seconds < 30
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)


def test_the_window_holds_for_a_rehearsal_too(sample: Database, options: tuple[str, ...]) -> None:
    before = remember(sample)
    done = run("--rehearse", *options, "--max-lockout", "0.05")
    assert done.code == 1
    assert "was over at the step" in done.error
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)


AT_A_DEFERRED_STATEMENT = """
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF current_query() LIKE '%_like%' OR current_query() LIKE '%FOREIGN KEY%django_content%' THEN
        RAISE 'refused';
    END IF;
END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION refuse();
"""
"""Refuses what Django's schema editor keeps for the end of a migration."""


def test_a_deferred_statement_that_fails_leaves_no_transaction_open(
    sample: Database, options: tuple[str, ...]
) -> None:
    before = remember(sample)
    sample.run_script(AT_A_DEFERRED_STATEMENT)
    done = run(*options)
    assert done.code == 1
    assert "refused" in done.error
    assert not connection.in_atomic_block
    sample.execute("DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()")
    assert run(*options).code == 0
    assert state(sample, before) == "migrated"


def test_a_rehearsal_past_its_window_is_told_to_leave_it_out(
    sample: Database, options: tuple[str, ...]
) -> None:
    slow = SLOW.format(what="time.sleep(1.5)")

    done = run_child(sample, *options, "--rehearse", "--max-lockout", "1", program=slow)

    assert done.code == 1, done.output
    assert "[MC503]" in done.error
    assert "Rehearse with a longer one, or without --max-lockout" in done.error
    assert "--rehearse" not in done.error
