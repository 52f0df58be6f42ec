"""The question before a run changes anything: who is asked, and what an answer does."""

import signal
from pathlib import Path

import pytest

from tests.cases.legacy_rows import ORPHAN, ROWS
from tests.support.database.databases import Database
from tests.support.runs.command import run, run_child, start

QUESTION = "Proceed with migration? (yes/no): "
END_OF_INPUT = "\x04"
"""What Ctrl-D sends."""


@pytest.mark.parametrize("flag", ["--noinput", "--no-input"])
def test_the_question_can_be_answered_beforehand(
    legacy: Database, tmp_path: Path, flag: str
) -> None:
    done = run(flag, "--skip-backup", "--backup-dir", str(tmp_path))

    assert (done.code, "Proceed with" in done.out) == (0, False)


def test_without_a_terminal_the_run_refuses(legacy: Database, tmp_path: Path) -> None:
    before = legacy.dump()

    done = run_child(legacy, "--backup-dir", str(tmp_path))

    assert done.code == 1
    assert "There is no terminal to ask on. Nothing was changed. Run with --noinput" in done.err
    assert "BACKUP" not in done.out
    assert legacy.dump() == before


YES, NO = ("y", "Y", "yes", "YES", " Yes "), ("n", "N", "no", "No", END_OF_INPUT)


@pytest.mark.parametrize(("answer", "code"), [*((yes, 0) for yes in YES), *((no, 1) for no in NO)])
def test_the_question_on_a_terminal(
    legacy: Database, tmp_path: Path, answer: str, code: int
) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    before = legacy.dump()
    arguments = ("--skip-backup", "--backup-dir", str(tmp_path))

    with start(legacy, *arguments, terminal=True) as begun:
        begun.wait_for(QUESTION)
        shown = begun.said()
        begun.answer(answer)
        done = begun.end()

    assert done.code == code
    for part in (
        f"Database: {legacy.name} on ",
        "customers is renamed to contacts",
        "customers: 3 rows",
        "1 customer and 0 orders go to a new Default Company",
        "Backup: none",
    ):
        assert part in shown
    if code == 1:
        assert done.error == "Stopped: [MC108] Declined. Nothing was changed."
        assert legacy.dump() == before


def test_who_declines_is_told_that_the_backup_stays(legacy: Database, tmp_path: Path) -> None:
    with start(legacy, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for(QUESTION)
        begun.answer("no")
        done = begun.end()

    (backup,) = tmp_path.glob("migration_2*")
    assert done.error == (
        "Stopped: [MC108] Declined. Nothing was changed. The backup that was written before "
        f"stays in {backup}. For an hour the next run uses it, if nothing has changed."
    )


def test_what_is_neither_yes_nor_no_is_asked_again(legacy: Database, tmp_path: Path) -> None:
    asked = QUESTION
    with start(legacy, "--skip-backup", "--backup-dir", str(tmp_path), terminal=True) as begun:
        for nonsense in ("", "yess", "ja", "yes no", "\x1b[A"):
            begun.wait_for(asked)
            begun.answer(nonsense)
            asked += f"Please answer yes or no.\n{QUESTION}"
        begun.wait_for(asked)
        begun.answer("yes")
        assert begun.end().code == 0


def test_an_interrupt_at_the_question_is_a_no(legacy: Database, tmp_path: Path) -> None:
    before = legacy.dump()
    with start(legacy, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for(QUESTION)
        begun.send(signal.SIGINT)
        done = begun.end()

    assert done.code == 130
    assert "Interrupted before anything was changed" in done.error
    assert "For an hour the next run uses it" in done.error
    assert legacy.dump() == before
