"""``--defer-rules``: no check rule is in force from the start; each is added on demand."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.database.photograph import photograph
from tests.support.runs.command import assert_migrates, assert_refused, assert_succeeds, run
from tests.support.runs.preparation import prepare_whole

pytestmark = pytest.mark.slow

RULES = """
    SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conname LIKE 'ck\\_%\\_format'
       AND conrelid IN ('companies'::regclass, 'contacts'::regclass, 'addresses'::regclass)
"""
SHORT_PHONE = "UPDATE contacts SET phone = '' WHERE id = (SELECT min(id) FROM contacts)"


@pytest.fixture
def deferred(sample: Database, tmp_path: Path) -> Database:
    """A migrated sample whose rules are all pending."""
    assert_migrates(tmp_path, "--defer-rules")
    return sample


def test_no_rule_is_in_force_until_it_is_asked_for(deferred: Database, tmp_path: Path) -> None:
    assert deferred.value(RULES) == 0
    deferred.execute(SHORT_PHONE)
    verified = assert_succeeds(tmp_path, "--verify-only")
    assert "breaks ck_contacts_phone_format" in verified.out
    assert "No row of companies breaks ck_companies_fax_format" in verified.out

    enforced = assert_succeeds(tmp_path, "--enforce-rules")

    assert "ck_contacts_phone_format still waits for" in enforced.out
    assert "ck_addresses_zip_format is enforced now" in enforced.out
    assert deferred.value(RULES) > 0


def test_a_repair_leaves_them_pending(deferred: Database, tmp_path: Path) -> None:
    assert "nothing to do" in assert_succeeds(tmp_path, "--repair").out
    assert deferred.value(RULES) == 0


def test_the_report_says_that_no_row_breaks_them(deferred: Database, tmp_path: Path) -> None:
    (report,) = tmp_path.glob("migration_report_*.txt")
    assert "ck_companies_fax_format is pending: broken by no row" in report.read_text()


def test_the_dry_run_says_which_would_be_in_force(sample: Database) -> None:
    at_once = run("--dry-run").out
    deferred = run("--dry-run", "--defer-rules").out

    assert "check rules in force at once: " in at_once
    assert "check rules: all stay pending; without --defer-rules in force: " in deferred
    for told in (at_once, deferred):
        assert "ck_companies_fax_format, ck_addresses_zip_format" in told


def test_the_way_back_is_the_same(sample: Database, tmp_path: Path) -> None:
    before = photograph(sample)
    assert_migrates(tmp_path, "--defer-rules")

    assert_succeeds(tmp_path, "--rollback", "--skip-backup")

    assert photograph(sample) == before


@pytest.mark.parametrize("option", ["--defer-rules", "--placeholder-contacts"])
@pytest.mark.parametrize("mode", ["--dry-run", "--rehearse", "--show-sql", "--noinput"])
def test_a_switch_that_does_not_know_it_refuses(sample: Database, mode: str, option: str) -> None:
    prepare_whole()
    before = sample.dump()

    refused = run(mode, option)

    assert_refused(sample, refused, before, "[MC109] This database is prepared online, and the")
    assert f"knows no {option}. Nothing was changed." in refused.error


@pytest.mark.parametrize("option", ["--defer-rules", "--placeholder-contacts"])
def test_it_goes_with_a_migration_only(migrated: Database, option: str) -> None:
    refused = run("--rollback", option)

    assert refused.code == 2
    assert f"{option} goes with the migration, its rehearsal and --dry-run only" in refused.error
