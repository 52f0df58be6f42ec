"""A preparation that nobody finishes costs journal rows: whoever comes by is told of it."""

import pytest

from contacts.restructuring.preparation import status
from tests.support.database.databases import Database
from tests.support.runs.command import run
from tests.support.runs.preparation import prepare_whole

YESTERDAY = """
    UPDATE jmsk_preparation SET touched = touched - interval '25 hours', notes = notes
        || jsonb_build_object('verified', (notes ->> 'verified')::timestamptz - interval '25 hours')
"""
OLD = "for more than a day nothing was verified"
CHANGE = "UPDATE customers SET name = name || '!'"


@pytest.mark.parametrize("flag", ["--status", "--verify-only", "--rollback"])
def test_after_a_day_it_is_said(sample: Database, flag: str) -> None:
    prepare_whole()
    assert OLD not in run(flag).out

    sample.execute(YESTERDAY)

    done = run(flag)
    assert OLD in done.out
    assert (done.code, "MC201" in done.error) == ((0, False) if flag == "--status" else (1, True))


@pytest.mark.parametrize("flag", ["--status", "--verify-only"])
def test_a_large_journal_is_said(
    sample: Database, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    monkeypatch.setattr(status, "LARGE_BYTES", 40_000)
    prepare_whole()
    assert "the journal takes" not in run(flag).out

    sample.execute("; ".join([CHANGE] * 10))

    assert "--prepare folds it" in run(flag).out


def test_preparing_again_folds_the_journal(sample: Database) -> None:
    """As cron does."""
    prepare_whole()
    sample.execute(YESTERDAY + "; " + CHANGE)
    assert sample.value("SELECT count(*) FROM jmsk_preparation_journal") > 0

    done = run("--prepare", "--noinput", "--pace", "gentle")

    assert (done.code, done.error) == (0, ""), done
    assert sample.value("SELECT count(*) FROM jmsk_preparation_journal") == 0
    assert OLD not in run("--status").out
