"""Ctrl-C and SIGTERM at COMMIT and after it: what is said is what is there."""

import signal
from pathlib import Path

import pytest

from tests.restructuring.console.test_interrupts import BOTH, assert_told_in_one_line
from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, remember, state
from tests.support.runs.command import run_child

pytestmark = pytest.mark.slow

AFTER_COMMIT = """
from contacts.restructuring.modes.operation import Operation
save = Operation.save_report
def interrupted(self):
    os.kill(os.getpid(), signal.{number})
    save(self)
Operation.save_report = interrupted
"""


@BOTH
def test_after_commit_it_does_not_deny_the_migration(
    sample: Database, tmp_path: Path, number: signal.Signals
) -> None:
    before = remember(sample)
    program = AFTER_COMMIT.format(number=number.name)
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert state(sample, before) == "migrated"
    assert done.code in (0, 130), done.output
    assert "Traceback" not in done.output
    assert "Migration completed successfully" in done.output
    assert "before anything was changed" not in done.output
    assert "rolled back" not in done.output


AT_COMMIT = """
import contacts.restructuring.database.lost_commit as transaction
from django.db.backends.base.base import BaseDatabaseWrapper
commit = BaseDatabaseWrapper.commit
def interrupt():
    signal.raise_signal(signal.SIGINT)
def interrupted(self):
    import sys
    callers, frame = set(), sys._getframe()
    while frame:
        callers.add(frame.f_code.co_name)
        frame = frame.f_back
    {before}
    commit(self)
    {after}
BaseDatabaseWrapper.commit = interrupted
{more}
"""
OF_THE_RUN = "if 'run_in_transaction' in callers: interrupt()"
ASKING = """
status = transaction.transaction_status
def asking(*arguments):
    interrupt()
    return status(*arguments)
transaction.transaction_status = asking
"""


def test_just_before_commit_it_ends_the_transaction_that_is_still_open(
    sample: Database, tmp_path: Path
) -> None:
    before = remember(sample)
    program = AT_COMMIT.format(before=OF_THE_RUN, after="", more="")
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert_told_in_one_line(done, "at the step 'commit'", "rolled back")
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)


def test_just_after_commit_it_finds_out_that_it_was_committed(
    sample: Database, tmp_path: Path
) -> None:
    before = remember(sample)
    program = AT_COMMIT.format(before="", after=OF_THE_RUN, more="")
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert done.code == 0, done.output
    assert "the server says: committed" in done.output
    assert state(sample, before) == "migrated"


@pytest.mark.parametrize("left", ["legacy", "migrated"])
def test_twice_at_commit_it_claims_nothing(sample: Database, tmp_path: Path, left: str) -> None:
    before = remember(sample)
    moment = {"legacy": "before", "migrated": "after"}[left]
    program = AT_COMMIT.format(**{"before": "", "after": "", moment: OF_THE_RUN}, more=ASKING)
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert done.code == 130, done.output
    assert "Traceback" not in done.output
    assert "Interrupted at COMMIT" in done.error
    assert "--dry-run" in done.error
    assert state(sample, before) == left
