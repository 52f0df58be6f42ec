"""What is set for the role decides nothing about a run."""

from pathlib import Path

import pytest

from tests.restructuring.database.test_locks import OURS, as_role, role, session
from tests.support.database.databases import Database
from tests.support.runs.aftermath import remember, state
from tests.support.runs.command import start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

__all__ = ["role"]


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--skip-backup", "--backup-dir", str(tmp_path))


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_its_isolation_level_does_not_hide_what_was_written_before_the_locks(
    sample: Database, options: tuple[str, ...], role: str, level: str
) -> None:
    sample.execute(f"ALTER ROLE {role} SET default_transaction_isolation = '{level}'")
    with (
        session(sample, "BEGIN; UPDATE customers SET name = 'Meanwhile' WHERE id = 3") as other,
        start(as_role(sample, role), *options, "--noinput") as begun,
    ):
        waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {OURS}"
        wait_until(lambda: bool(sample.value(waiting)))
        with other.cursor() as cursor:
            cursor.execute("COMMIT")
        done = begun.end()
    assert done.code == 0, done.output
    assert sample.value("SELECT name FROM contacts WHERE id = 3") == "Meanwhile"


def test_its_idle_timeout_does_not_end_the_session_of_an_operator_who_thinks(
    sample: Database, options: tuple[str, ...], role: str
) -> None:
    before = remember(sample)
    sample.execute(f"ALTER ROLE {role} SET idle_session_timeout = '300ms'")
    sessions = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'"
    with start(as_role(sample, role), *options, terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        wait_until(lambda: sample.value(sessions) == 0)
        begun.answer("yes")
        done = begun.end()
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"
