"""--rehearse runs the whole migration for real and leaves no trace; it forecasts the real run."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left
from tests.support.runs.command import run, run_child, start

pytestmark = pytest.mark.slow

SEED = 11


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--rehearse", "--noinput", "--backup-dir", str(tmp_path))


@pytest.fixture(params=["untouched", "with Django's tables"])
def known(sample: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """The sample as it is, and as it is once the runs' migration was applied beforehand."""
    if request.param != "untouched":
        from django.core.management import call_command

        call_command("migrate", "contacts", "0002", fake_initial=True, verbosity=0)
        call_command("migrate", "orders", "0001", fake_initial=True, verbosity=0)
        call_command("migrate", "auth", verbosity=0)
    return sample


def test_it_leaves_no_trace(known: Database, options: tuple[str, ...], tmp_path: Path) -> None:
    before = known.dump()
    done = run(*options)
    assert done.code == 0, done.output
    assert "Rehearsed and rolled back: nothing was changed" in done.out
    assert known.dump() == before
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert_no_locks_left(known)


def test_killed_at_any_moment_it_leaves_no_trace(known: Database, options: tuple[str, ...]) -> None:
    chance = random.Random(SEED)  # noqa: S311  # no secret
    before = known.dump()
    for words in ("Applying contacts.0003_hierarchy: ", "Running the checks after"):
        with start(known, *options) as begun:
            begun.wait_for(words)
            time.sleep(chance.random() * 0.1)
            begun.send(signal.SIGKILL)
        assert_no_locks_left(known)
        assert known.dump() == before


def test_the_real_run_follows_it(sample: Database, options: tuple[str, ...]) -> None:
    assert run(*options).code == 0
    done = run(*options[1:])
    assert done.code == 0, done.output
    assert sample.value("SELECT count(*) FROM contacts_restructuringrun") == 1


def test_its_report_is_the_forecast(
    sample: Database, options: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(*options)
    (path,) = tmp_path.glob("migration_report_*.txt")
    for text in (done.out, path.read_text()):
        for words in (
            "readers and writers locked out: ",
            "lock on customers: AccessExclusiveLock for ",
            "lock on orders: AccessExclusiveLock for ",
            "lock on companies: AccessExclusiveLock for ",
            "lock on tenants: ShareRowExclusiveLock for ",
            "step Applying orders.0002_hierarchy: ",
            "MiB before, ",
            "WAL written meanwhile: ",
        ):
            assert words in text
    assert "rolled back" in path.read_text()


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [("no", 1, "Declined. Nothing was changed"), ("yes", 0, "Rehearsed and rolled back")],
)
def test_it_asks_first(sample: Database, tmp_path: Path, reply: str, code: int, words: str) -> None:
    before = sample.dump()
    with start(sample, "--rehearse", "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with the rehearsal?")
        assert "readers and writers of these tables wait" in begun.said()
        begun.answer(reply)
        done = begun.end()
    assert done.code == code
    assert words in done.output
    assert sample.dump() == before


def test_without_a_terminal_it_does_not_begin(sample: Database, tmp_path: Path) -> None:
    done = run_child(sample, "--rehearse", "--backup-dir", str(tmp_path))
    assert done.code == 1
    assert "no terminal to ask on" in done.error


THEN = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from django.db import connection
migrate = PlannedMigrations.apply
def and_then(*arguments):
    migrate(*arguments)
    with connection.cursor() as cursor:
        cursor.execute("{statement}")
PlannedMigrations.apply = and_then
"""


@pytest.mark.parametrize(
    ("before", "statement", "error", "found"),
    [
        (
            "",
            "DROP INDEX ix_orders_tenant_contact",
            "Required indexes created",
            "ix_orders_tenant_contact",
        ),
        (
            # It never comes to COMMIT, where deferred foreign keys would be checked.
            "CREATE TABLE gifts (id int, "
            "tenant_id int REFERENCES tenants DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO gifts VALUES (1, 4711)",
            "gifts_tenant_id_fkey",
            "",
        ),
    ],
    ids=["a check", "a deferred foreign key"],
)
def test_what_would_fail_makes_it_fail(
    sample: Database,
    options: tuple[str, ...],
    before: str,
    statement: str,
    error: str,
    found: str,
) -> None:
    if before:
        sample.execute(before)
    was = sample.dump()
    done = run_child(sample, *options, program=THEN.format(statement=statement))
    assert done.code == 1
    assert error in done.error
    assert found in done.out
    assert "Traceback" not in done.output
    assert sample.dump() == was
