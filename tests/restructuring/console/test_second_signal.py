"""A second signal, however soon after the first, neither hangs the run nor makes it lie."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, remember, state
from tests.support.runs.command import run_child

pytestmark = pytest.mark.slow

TWICE = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from contacts.restructuring.console import interrupts
first = interrupts._Handlers.interrupt
def again(self, number, frame):
    # The second one comes while the handler of the first is at work.
    interrupts._Handlers.interrupt = first
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        first(self, number, frame)
interrupts._Handlers.interrupt = again
migrate = PlannedMigrations.apply
def interrupted(*arguments):
    migrate(*arguments)
    signal.raise_signal(signal.SIGINT)
PlannedMigrations.apply = interrupted
"""
WHILE_IT_ENDS = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
import contacts.restructuring.modes.call as call
def interrupted(*arguments):
    signal.raise_signal(signal.SIGINT)
PlannedMigrations.apply = interrupted
close = call._close
def interrupted_again(*arguments):
    close(*arguments)
    signal.raise_signal(signal.SIGINT)
call._close = interrupted_again
"""
DURING_COPY = """
import contextlib
import contacts.restructuring.restore.staging as staging
opened = staging.verified_lines
class Interrupting:
    def __init__(self, file):
        self.file = file
    def read(self, size=-1):
        signal.raise_signal(signal.SIGTERM)
        return self.file.read(size)
@contextlib.contextmanager
def interrupting(backup, table, progress):
    with opened(backup, table, progress) as file:
        yield Interrupting(file) if table.table == "orders" else file
staging.verified_lines = interrupting
"""


@pytest.mark.parametrize("program", [TWICE, WHILE_IT_ENDS], ids=["at once", "while it ends"])
def test_it_ends_the_run_once_and_quietly(sample: Database, tmp_path: Path, program: str) -> None:
    before = remember(sample)
    arguments = ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    done = run_child(sample, *arguments, program=program)

    assert done.code == 130, done.output
    assert "Traceback" not in done.output
    assert "CommandError: [MC80" in done.error
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)


def test_a_signal_during_the_copy_of_a_restore_is_an_interrupt(
    sample: Database, tmp_path: Path
) -> None:
    run_child(sample, "--noinput", "--backup-dir", str(tmp_path))
    (backup,) = tmp_path.glob("migration_2*/")
    before = sample.dump()
    arguments = ("--restore", str(backup), "--noinput", "--backup-dir", str(tmp_path))
    done = run_child(sample, *arguments, program=DURING_COPY)

    assert done.code == 130, done.output
    assert "CommandError: [MC801] Interrupted before anything was changed" in done.error
    assert "server's log" not in done.output
    assert sample.dump() == before
