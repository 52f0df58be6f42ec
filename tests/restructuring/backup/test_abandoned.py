"""What a killed run left of its backup holds personal data: the next call removes it."""

import signal
import subprocess
import sys
from pathlib import Path

from contacts.restructuring.backup.folder import partial_folder, remove_abandoned
from tests.support.database.databases import Database
from tests.support.project import PROJECT
from tests.support.runs.backups import STAMP
from tests.support.runs.command import run_into

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from contacts.restructuring.backup.folder import partial_folder
with partial_folder(Path(sys.argv[1]), datetime(2026, 1, 2, tzinfo=UTC)) as folder:
    (folder / "customers.jsonl.gz").write_bytes(b"personal")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def leave(directory: Path) -> Path:
    """Let a process be killed while it writes a backup; return what it leaves."""
    ended = subprocess.run([sys.executable, "-c", KILLED, str(directory)], cwd=PROJECT, check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = directory.glob(".migration_*.partial")
    return left


def test_the_next_run_names_and_removes_it(sample: Database, tmp_path: Path) -> None:
    left = leave(tmp_path)

    done = run_into(tmp_path)

    assert done.code == 0, done.output
    assert f"Removed {left}: left by a run that was killed" in done.out
    assert not left.exists()


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    left = leave(tmp_path)
    with partial_folder(tmp_path, STAMP) as at_work:
        assert remove_abandoned(tmp_path) == (left,)
        assert at_work.exists()
    assert remove_abandoned(tmp_path) == (at_work,)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / ".migration_20260102_000000.00000000.partial").symlink_to(elsewhere)

    assert remove_abandoned(tmp_path) == ()
    assert elsewhere.exists()


def test_there_is_nothing_to_do_where_no_folder_is(tmp_path: Path) -> None:
    assert remove_abandoned(tmp_path / "absent") == ()
