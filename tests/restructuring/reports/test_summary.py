"""What the screen says of a call: problems once and whole, and in the end what happened."""

import json
import logging
import re
from pathlib import Path

import pytest

from contacts.restructuring.checks.base import Finding, Result, Status
from contacts.restructuring.console.lines import DETAILED, NORMAL, plain_text
from contacts.restructuring.reports.results import (
    FIRST_COMPANIES,
    passed_text,
    result_lines,
    statistics_lines,
)
from contacts.restructuring.state.statistics import Placement, Statistics
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates, assert_succeeds, run, run_into, start

pytestmark = pytest.mark.slow

ALL_PASSED = "All data integrity checks passed."
ROW = Result("odd", "No odd rows", Status.WARNING, Finding(1, ("Row 3 is odd",), values=("'3'",)))
FINE = Result("fine", "All is fine", Status.PASSED, Finding(note="so it is"))


def test_the_last_screen_says_what_happened(sample: Database, tmp_path: Path) -> None:
    told = run_into(tmp_path).out
    last = told[told.index("WHAT HAPPENED") :]
    (report,) = tmp_path.glob("*.html")
    placed = sample.value("SELECT count(*) FROM contacts WHERE placed_in_company_id IS NOT NULL")
    created = sample.value("SELECT count(*) FROM companies WHERE is_default") - 1
    for line in (
        f"Database: {sample.name} on ",
        "  customers: 150 rows\n",
        "  orders: 600 rows\n",
        f"  default companies created: {created}\n",
        f"  contacts placed in a default company: {placed}\n",
        "  e-mails set aside as duplicates: 0\n",
        "  left to settle:\n",
        "in its default company\n",
        f"Report: {report}\n",
        "MIGRATION COMPLETED SUCCESSFULLY",
        "To undo this run:",
    ):
        assert line in last
    assert re.search(r"^  readers and writers locked out: \d+\.\d\d s$", last, re.MULTILINE)


HAPPENED = re.compile(r"WHAT (?:HAPPENED|WOULD HAPPEN)\n=+\n\n(.*?)\n(?:Report: |\n)", re.DOTALL)
LOCKED = re.compile(r"(locked out: )[\d.]+ s")


def summary(told: str) -> str:
    """Return what the last screen says of rows and of what is left, without the seconds."""
    found = HAPPENED.findall(told)
    assert found, told
    return LOCKED.sub(r"\1some time", found[-1])


def test_both_roads_say_the_same(sample: Database, tmp_path: Path) -> None:
    sample.execute("UPDATE orders SET customer_id = NULL WHERE id % 50 = 7")
    offline = summary(run_into(tmp_path, "--rehearse").out)
    assert re.search(r"orders without a contact in a default company: [1-9]", offline)

    assert_succeeds(tmp_path, "--prepare", "--place-early")
    online = summary(run_into(tmp_path).out)

    assert online == offline


def test_after_a_repair_all_that_is_left_is_listed(sample: Database, tmp_path: Path) -> None:
    sample.execute("UPDATE orders SET customer_id = NULL WHERE id % 50 = 7")
    migrated = summary(assert_migrates(tmp_path).out)
    sample.execute(
        "UPDATE contacts SET email_set_aside = email, email = NULL "
        "WHERE id = (SELECT min(id) FROM contacts WHERE email IS NOT NULL);"
        "DROP TRIGGER trg_validate_contact_company ON contacts"
    )

    repaired = summary(assert_succeeds(tmp_path, "--repair").out)

    left = migrated[migrated.index("  left to settle:") :].splitlines()
    for line in left:
        assert line in repaired
    assert "    set aside as duplicates: 1 e-mail" in repaired
    assert "  contacts: 150 rows" in repaired
    assert "placed in a default company:" not in repaired


def test_a_restore_says_what_became_of_each_table(sample: Database, tmp_path: Path) -> None:
    run_into(tmp_path)
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    assert run_into(tmp_path, "--rollback", "--skip-backup").code == 0
    sample.execute("UPDATE customers SET name = 'Somebody' WHERE id IN (1, 2)")
    told = run_into(tmp_path, "--restore", str(backup), "--skip-backup").out
    assert "  customers: 150 rows (2 changed)\n" in told[told.index("WHAT HAPPENED") :]


def test_a_rehearsal_says_what_would_happen(sample: Database, tmp_path: Path) -> None:
    told = run_into(tmp_path, "--rehearse").out
    assert "WHAT WOULD HAPPEN" in told
    assert "WHAT HAPPENED" not in told


def test_all_passed_is_said_only_where_nothing_warned(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    migrated, verified = run_into(tmp_path), run("--verify-only", "--backup-dir", str(tmp_path))
    for told in (migrated.out, verified.out):
        assert "✓ POST-MIGRATION VERIFICATION PASSED" in told
        assert ALL_PASSED not in told
        assert "No check failed; 4 warnings, listed above." in told
    assert passed_text([FINE]) == ALL_PASSED
    assert passed_text([FINE, ROW]) == "No check failed; 1 warning, listed above."


def test_a_warning_is_told_in_full_once(legacy: Database, tmp_path: Path) -> None:
    assert plain_text(result_lines([ROW], shown=[ROW])) == (
        "⚠ No odd rows: 1 as before, listed above\n"
    )
    other = Result("odd", "No odd rows", Status.WARNING, Finding(1, ("Row 4 is odd",)))
    assert "Row 3 is odd: '3'" in plain_text(result_lines([ROW], shown=[other]))


def test_passed_checks_have_a_line_each_for_who_asks_for_details() -> None:
    lines = {line.text: line.level for line in result_lines([FINE, FINE])}
    assert lines == {
        "✓ All is fine... PASSED: so it is": DETAILED,
        "✓ 2 checks passed": NORMAL,
    }


@pytest.mark.parametrize(("tenants", "shown"), [(3, 3), (10, 10), (300, 11)])
def test_of_many_default_companies_the_first_ten_and_a_sum(tenants: int, shown: int) -> None:
    found = tuple(Placement(n, f"Shop {n}", 2, 1, exists=False) for n in range(1, tenants + 1))
    lines = statistics_lines(Statistics({}, found, 0))
    listed = [line for line in lines if "go to" in line.text and line.level == NORMAL]
    assert len(listed) == shown
    assert (tenants > FIRST_COMPANIES) == listed[-1].text.startswith("  - in all ")
    if tenants == 300:
        assert listed[-1].text == (
            "  - in all 300 tenants: 600 customers and 300 orders go to Default Company"
        )
        assert "Shop 300" in plain_text(lines)


@pytest.mark.parametrize("mode", ["", "--dry-run", "--rehearse", "--verify-only"])
def test_a_migrated_database_is_named(migrated: Database, tmp_path: Path, mode: str) -> None:
    told = run_into(tmp_path, *([mode] if mode else []))
    assert told.code == 0
    assert f"Database: {migrated.name} on " in told.out


def test_what_offends_is_shown_and_kept_nowhere_else(
    legacy: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "contacts.restructuring")
    legacy.execute(awkward.ROWS)
    phone = "odd-4711"
    legacy.execute("UPDATE customers SET phone = %s WHERE id = 17", [phone])
    tenant = legacy.value("SELECT tenant_id FROM customers WHERE id = 17")
    sentence = f"Row 17 of customers (tenant {tenant}) breaks ck_contacts_phone_format: {phone!r}"
    told = assert_migrates(tmp_path)
    assert told.out.count(sentence) == 1
    (text,) = tmp_path.glob("*.txt")
    assert sentence.replace("customers", "contacts") in text.read_text()
    kept = json.dumps(legacy.value("SELECT checks FROM contacts_restructuringrun"))
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "Row 17 of customers" in kept
    assert phone not in kept + logged


def test_the_question_comes_with_the_companies_of_each_tenant_once(
    sample: Database, tmp_path: Path
) -> None:
    with start(sample, "--skip-backup", "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        begun.answer("n")
        told = begun.end().out
    (tenant,) = sample.fetch("SELECT name FROM tenants WHERE id = 2")[0]
    assert told.count(f"  - tenant 2 ({tenant}): ") == 1
