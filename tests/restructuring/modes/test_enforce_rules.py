"""Pending check rules: added once their rows have been put right, each on its own."""

from pathlib import Path

import psycopg2
import pytest

from jmsk.wording import counted
from tests.cases import awkward
from tests.support.database.databases import Database, django_uses
from tests.support.runs.command import assert_migrates, run, start

pytestmark = pytest.mark.slow

RULES = """
    SELECT conname, xmin::text FROM pg_constraint
     WHERE contype = 'c' AND convalidated AND conname LIKE 'ck\\_co%' ORDER BY 1
"""
PHONES = """
UPDATE contacts SET phone = NULL WHERE id IN (3, 17);
UPDATE companies SET phone = NULL WHERE id = 1
"""
EMAILS = """
UPDATE contacts SET email = id || '@example.com' WHERE id IN (3, 17, 18);
UPDATE companies SET email = NULL WHERE id = 1
"""
REFUSED = {
    "ck_contacts_email_format": "UPDATE contacts SET email = 'nobody' WHERE id = 1",
    "ck_contacts_phone_format": "UPDATE contacts SET phone = '123456789' WHERE id = 1",
    "ck_companies_email_format": "UPDATE companies SET email = '' WHERE id = 1",
    "ck_companies_phone_format": "UPDATE companies SET phone = '1' WHERE id = 1",
}


@pytest.fixture
def pending(legacy: Database, tmp_path: Path) -> Database:
    """A migrated database whose rows break four check rules."""
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    return legacy


def test_rules_are_added_when_their_rows_are_right(pending: Database) -> None:
    before = pending.dump()
    waiting = run("--enforce-rules")
    assert waiting.code == 0
    for rule, rows in awkward.BREAKING.items():
        table = "contacts" if "contacts" in rule else "companies"
        assert f"{rule} still waits for {counted(len(rows), 'row')}" in waiting.out
        for row in rows:
            assert f"Row {row} of {table} " in waiting.out
    assert pending.dump() == before

    pending.execute(PHONES)
    some = run("--enforce-rules", "--noinput")
    assert "ck_contacts_phone_format is enforced now" in some.out
    assert "ck_companies_phone_format is enforced now" in some.out
    assert "ck_contacts_email_format still waits for 2 rows" in some.out
    assert "Rules added: 2. Rules that still wait for rows: 2." in some.out
    assert f"Database: {pending.name} on " in some.out
    added = dict(pending.fetch(RULES))
    assert list(added) == [
        "ck_companies_fax_format",
        "ck_companies_phone_format",
        "ck_contacts_phone_format",
    ]
    assert len(set(added.values())) == 3, "each was to be added in a transaction of its own"

    pending.execute(EMAILS)
    assert "still waits" not in run("--enforce-rules", "--noinput").out
    assert set(REFUSED) < set(dict(pending.fetch(RULES)))
    assert "No rule is pending: nothing to do" in run("--enforce-rules").out
    for rule, statement in REFUSED.items():
        with pytest.raises(psycopg2.errors.CheckViolation, match=rule):
            pending.execute(statement)


def test_query_that_finds_the_waiting_rows_can_be_pasted(pending: Database) -> None:
    (query,) = [
        line.strip().removeprefix("All of them: ")
        for line in run("--enforce-rules").out.splitlines()
        if line.strip().startswith("All of them: ")
        and "contacts" in line
        and "LENGTH" not in line.upper()
    ]

    assert {row[0] for row in pending.fetch(query)} == {3, 18}


def test_rules_added_later_are_those_of_a_database_from_nothing(
    pending: Database, migrated: Database
) -> None:
    pending.execute(PHONES)
    pending.execute(EMAILS)
    with django_uses(pending):
        assert run("--enforce-rules", "--noinput").code == 0

    definitions = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
    assert set(pending.fetch(definitions)) == set(migrated.fetch(definitions))


def test_verification_tells_of_a_rule_that_is_only_missing(
    pending: Database, tmp_path: Path
) -> None:
    pending.execute(PHONES)

    done = run("--verify-only", "--backup-dir", str(tmp_path))

    assert done.code == 0
    assert "No row of contacts breaks ck_contacts_phone_format, but the database does" in done.out


def test_it_shows_the_value_that_breaks_a_rule(pending: Database) -> None:
    told = run("--enforce-rules").out
    for column, row in (("email", 3), ("phone", 17)):
        rule = f"ck_contacts_{column}_format"
        value = pending.value(f"SELECT {column} FROM contacts WHERE id = {row}")
        tenant = pending.value(f"SELECT tenant_id FROM contacts WHERE id = {row}")
        assert f"Row {row} of contacts (tenant {tenant}) breaks {rule}: {value!r}\n" in told


@pytest.mark.parametrize(("answer", "code", "added"), [("no", 1, 1), ("y", 0, 3)])
def test_it_asks_before_it_alters(
    pending: Database, tmp_path: Path, answer: str, code: int, added: int
) -> None:
    pending.execute(PHONES)
    with start(pending, "--enforce-rules", "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with the enforcement? (yes/no): ")
        assert "ck_contacts_phone_format is added to contacts" in begun.said()
        begun.answer(answer)
        assert begun.end().code == code
    assert len(pending.fetch(RULES)) == added


def test_rows_that_come_while_the_question_is_open_keep_their_rule_out(
    pending: Database, tmp_path: Path
) -> None:
    pending.execute(PHONES)
    with start(pending, "--enforce-rules", "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with the enforcement?")
        pending.execute("UPDATE contacts SET phone = '1' WHERE id = 1")
        begun.answer("yes")
        done = begun.end()
    assert done.code == 0
    assert "Row 1 of contacts (tenant 1) breaks ck_contacts_phone_format: '1'" in done.out
    assert "ck_companies_phone_format is enforced now" in done.out
    assert "ck_contacts_phone_format is enforced now" not in done.out
