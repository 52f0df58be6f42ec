"""A connection that is lost at COMMIT: the run finds out how it ended, and says so."""

from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.database.lost_commit import transaction_status
from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, remember, state
from tests.support.runs.command import run, run_child, start
from tests.support.servers.proxy import cut_off

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _reached_by_a_socket(sample: Database) -> None:
    if not sample.settings["HOST"].startswith("/"):
        pytest.skip("the proxy leads to a Unix socket, and TEST_DATABASE_URL names another place")


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))


def test_lost_before_commit_it_says_that_nothing_was_changed(
    sample: Database, options: tuple[str, ...]
) -> None:
    before = remember(sample)
    with cut_off(sample, "before") as (proxy, url):
        done = run_child(url, *options)
        assert proxy.done.is_set()
    assert done.code == 1, done.output
    assert "Traceback" not in done.output
    assert "rolled back: the database is as it was" in done.error
    assert "'commit'" in done.error
    assert state(sample, before) == "legacy"
    assert_no_locks_left(sample)
    assert run(*options).code == 0


def test_lost_after_commit_it_says_that_it_was_committed(
    sample: Database, options: tuple[str, ...], tmp_path: Path
) -> None:
    before = remember(sample)
    with cut_off(sample, "after") as (proxy, url):
        done = run_child(url, *options)
        assert proxy.done.is_set()
    assert done.code == 0, done.output
    assert "The answer to COMMIT was lost" in done.output
    assert "the server says: committed" in done.output
    (report,) = tmp_path.glob("migration_report_*.txt")
    assert "the server says: committed" in report.read_text()
    assert state(sample, before) == "migrated"


@pytest.mark.parametrize(("cut", "left"), [("before", "legacy"), ("after", "migrated")])
def test_where_nobody_can_be_asked_it_claims_nothing(
    sample: Database, options: tuple[str, ...], cut: str, left: str
) -> None:
    before = remember(sample)
    hasty = "import contacts.restructuring.database.lost_commit as t; t.ASK_AGAIN = 1"
    with cut_off(sample, cut, refuse=True) as (_, url):
        done = run_child(url, *options, program=hasty)
    assert done.code == 1, done.output
    assert "Traceback" not in done.output
    assert "cannot be asked how it ended" in done.error
    assert "--dry-run" in done.error
    assert "rolled back" not in done.error
    assert state(sample, before) == left


def test_a_line_that_goes_dead_does_not_hold_the_locks(
    sample: Database, options: tuple[str, ...]
) -> None:
    """As when packets are dropped: nobody hears of the client's end."""
    before = remember(sample)
    shortened = """
from contacts.restructuring.database import settings
settings.CHANGING["idle_in_transaction_session_timeout"] = "1s"
"""
    with cut_off(sample, "silently") as (proxy, url):
        with start(url, *options, program=shortened):
            assert proxy.done.wait(60)
        assert_no_locks_left(sample)
        assert state(sample, before) == "legacy"


def test_a_transaction_that_a_crash_forgot_was_not_committed(sample: Database) -> None:
    assert transaction_status(connection, 2**40 + 4711) == "aborted"
