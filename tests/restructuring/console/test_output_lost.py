"""Output that nobody can read: before COMMIT it ends the run, afterwards it changes nothing."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contacts.restructuring.console.lines import heading, plain_text
from tests.support.database.databases import Database
from tests.support.project import PROJECT
from tests.support.runs.command import Result, run, run_child, run_into, valid

pytestmark = pytest.mark.slow

LAST = "EXECUTING DATABASE MIGRATION"
"""The last that is written to standard output before COMMIT."""


class Breaking(io.StringIO):
    """A pipe whose reader goes when it has read the section's ``title``."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.last = plain_text(heading(title)[2:])

    def write(self, text: str) -> int:
        if self.last in self.getvalue():
            raise BrokenPipeError("Broken pipe")
        return super().write(text)


def documents(folder: Path) -> list[dict[str, object]]:
    return [valid(json.loads(path.read_text())) for path in folder.glob("*.json")]


def test_a_reader_that_goes_before_the_end_ends_the_run(legacy: Database, tmp_path: Path) -> None:
    before = legacy.dump()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run_child(legacy, "--noinput", "--backup-dir", str(tmp_path), stdout=writing)
    finally:
        os.close(writing)

    assert done.code == 1
    assert done.error == (
        "CommandError: [MC105] The output cannot be written ([Errno 32] Broken pipe), so the run "
        "has ended. No transaction of it was committed: the database is as it was."
    )
    assert "Traceback" not in done.err
    assert legacy.dump() == before


def test_without_standard_output_the_run_says_so(legacy: Database, tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" manage.py migrate_contacts --noinput >&-'
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": legacy.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "cannot be written (the stream is closed)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert legacy.value("SELECT to_regclass('contacts')") is None


def test_a_reader_that_goes_after_commit_changes_nothing(sample: Database, tmp_path: Path) -> None:
    out = Breaking(LAST)
    assert run("--noinput", "--backup-dir", str(tmp_path), stdout=out).code == 0
    assert LAST in out.getvalue()
    (document,) = documents(tmp_path)
    assert (document["succeeded"], document["stage"]) == (True, "migrated")
    assert len(list(tmp_path.glob("migration_report_*"))) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_document_that_cannot_be_written_is_a_failure_that_tells_the_truth(
    legacy: Database, tmp_path: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        arguments = ("--noinput", "--format", "json", "--backup-dir", str(tmp_path))
        done = run_child(legacy, *arguments, stdout=full)
    assert done.code == 1
    assert "The JSON document could not be written" in done.error
    assert "it stays committed" in done.error
    assert "Traceback" not in done.err
    (document,) = documents(tmp_path)
    assert (document["succeeded"], document["stage"]) == (True, "migrated")


def test_rules_that_were_added_stay_and_the_others_follow(legacy: Database, tmp_path: Path) -> None:
    run_into(tmp_path)
    names = ("ck_contacts_email_format", "ck_contacts_phone_format")
    legacy.execute("; ".join(f"ALTER TABLE contacts DROP CONSTRAINT {name}" for name in names))
    out = Breaking("ENFORCING CHECK RULES")
    assert run("--enforce-rules", "--noinput", stdout=out).code == 0
    added = "SELECT count(*) FROM pg_constraint WHERE conname = ANY(%s)"
    assert legacy.value(added, [list(names)]) == 2


class Interrupting(io.StringIO):
    """A terminal at which somebody presses Ctrl-C as soon as ``word`` is read."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def write(self, text: str) -> int:
        if self.word and self.word in text:
            self.word = ""
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def interrupted_at(word: str, folder: Path) -> Result:
    """Migrate with the format json, and interrupt when people are told ``word``."""
    arguments = ("--noinput", "--format", "json", "--backup-dir", str(folder))
    return run(*arguments, stderr=Interrupting(word))


@pytest.mark.parametrize("word", ["Migration completed successfully!", "Report: "])
def test_an_interrupt_after_commit_is_reported_as_what_it_is(
    sample: Database, tmp_path: Path, word: str
) -> None:
    told = interrupted_at(word, tmp_path)
    document = told.document
    assert told.code == document["exit_code"] == 130
    assert "Everything was committed before, and stays" in told.error
    assert (document["stage"], document["failed_step"]) == ("migrated", "after COMMIT")
    assert sample.value("SELECT to_regclass('contacts')") == "contacts"
    for path in tmp_path.glob("*.txt"):
        assert "THIS IS WHAT HAPPENED" not in path.read_text()
