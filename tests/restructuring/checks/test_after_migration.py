"""Each check after the restructuring, broken once: what it says, and what becomes of the run."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.changes import migrate as engine
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Check, Finding, Result, Status, Tag, run_checks
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, Stage, read_layout
from contacts.restructuring.database.reading import reading_snapshot
from tests.cases.checks.after_migration import ERRORS, WARNINGS
from tests.cases.checks.case import Case
from tests.cases.legacy_rows import ROWS
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill
from tests.support.runs.command import assert_refused, migrate, run

INFORMATIVE = {"contact_count": "it counts"}
OTHER_STAGES = {
    "contacts_table": "There is no table contacts in schema public",
    "customers_gone": "There is still a table customers",
    "orders_contact_id": "orders has no column contact_id",
    "addresses_table": "There is no table addresses in schema public",
}
"""Checks of what makes a database a migrated one: without it, the stage is another already."""


def results(layout: Layout | None = None) -> dict[str, Result]:
    layout = layout or read_layout(connection)
    with reading_snapshot(connection, layout) as inspector:
        return {result.id: result for result in run_checks(inspector, CHECKS_AFTER)}


def test_every_check_has_a_case_that_breaks_it() -> None:
    covered = {case.id for case in (*ERRORS, *WARNINGS)} | set(INFORMATIVE) | set(OTHER_STAGES)

    assert covered == {check.id for check in CHECKS_AFTER}


def test_the_guides_ten_come_first_in_its_order() -> None:
    assert [check.title for check in CHECKS_AFTER if Tag.GUIDE in check.tags] == [
        "Contacts table exists",
        "Customers table was renamed",
        "Count of contacts after migration",
        "All contacts have company_id (NOT NULL)",
        "Orders have contact_id column",
        "Orders have company_id column",
        "Order-contact-company consistency",
        "Addresses table exists",
        "Required indexes created",
        "Foreign key constraints verified",
    ]


def test_sound_database_passes_every_check(migrated: Database, tmp_path: Path) -> None:
    fill(migrated)
    before = migrated.dump()

    done = run("--verify-only", "--backup-dir", str(tmp_path), "-v", "2")

    assert done.code == 0, done
    assert {result.status for result in results().values()} == {Status.PASSED}
    assert "Found 3 contacts" in done.out
    assert "POST-MIGRATION VERIFICATION PASSED" in done.out
    assert migrated.dump() == before


@pytest.mark.parametrize("case", [*ERRORS, *WARNINGS], ids=str)
def test_check_tells_what_is_wrong(migrated: Database, case: Case) -> None:
    fill(migrated)
    migrated.execute(case.sql)

    result = results()[case.id]

    assert result.status is (Status.FAILED if case in ERRORS else Status.WARNING)
    assert case.message in result.finding.sentences[0]
    assert result.finding.count == case.count
    if case.query:
        assert len(migrated.fetch(result.finding.query)) == case.count


@pytest.mark.parametrize("case", ERRORS, ids=str)
def test_verification_fails_and_reports(migrated: Database, tmp_path: Path, case: Case) -> None:
    fill(migrated)
    migrated.execute(case.sql)
    (title,) = [check.title for check in CHECKS_AFTER if check.id == case.id]
    before = migrated.dump()

    done = run("--verify-only", "--backup-dir", str(tmp_path))

    assert_refused(migrated, done, before, title, case.message)
    (report,) = tmp_path.glob("migration_report_*.txt")
    assert case.message in " ".join(report.read_text().split())


@pytest.mark.parametrize("check", OTHER_STAGES)
def test_check_of_the_stage_itself(migrated: Database, check: str) -> None:
    layout = read_layout(connection)
    tables = dict(layout.tables)
    if check == "contacts_table":
        del tables["contacts"]
    elif check == "addresses_table":
        del tables["addresses"]
    elif check == "customers_gone":
        tables["customers"] = tables["contacts"]
    else:
        orders = tables["orders"]
        kept = tuple(column for column in orders.columns if column.name != "contact_id")
        tables["orders"] = replace(orders, columns=kept)

    result = results(replace(layout, tables=tables))[check]

    assert result.status is Status.FAILED
    assert result.finding.sentences == (OTHER_STAGES[check],)


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        ("DROP TABLE contacts CASCADE", Stage.UNKNOWN),
        ("DROP TABLE addresses CASCADE", Stage.UNKNOWN),
        ("CREATE TABLE customers (id integer)", Stage.UNKNOWN),
        ("ALTER TABLE orders DROP COLUMN contact_id CASCADE", Stage.UNKNOWN),
    ],
)
def test_verification_refuses_another_stage(
    migrated: Database, tmp_path: Path, change: str, stage: Stage
) -> None:
    migrated.execute(change)
    before = migrated.dump()

    done = run("--verify-only", "--backup-dir", str(tmp_path))

    assert_refused(migrated, done, before, f"is {stage}, not migrated", "Nothing was changed")


def test_check_that_fails_before_commit_rolls_everything_back(
    legacy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dissatisfied(inspector: Inspector) -> Finding:
        count = inspector.value("SELECT count(*) FROM contacts")
        return Finding(count, ("Contact 11 does not please",))

    check = Check("pleasing", "Contacts that please", dissatisfied)
    monkeypatch.setattr(engine, "CHECKS_AFTER", (*CHECKS_AFTER, check))
    legacy.execute(ROWS)
    before = legacy.dump()

    done = migrate(tmp_path)

    assert_refused(legacy, done, before, "Contacts that please", "Contact 11 does not please")
    assert "rolled back" in done.error
