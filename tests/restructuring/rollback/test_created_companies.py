"""Which of the companies that the migration created --rollback takes away, and says so before."""

import json
from pathlib import Path

import pytest

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import Result, assert_migrates, run

pytestmark = pytest.mark.slow

FIRST = 2147483101
"""The id of the company that the migration creates for tenant 1; those of 4 and 5 follow."""
DRIFT = """
    ALTER TABLE companies ADD vat text, ADD score numeric DEFAULT 1.50,
        ALTER phone SET DEFAULT 'ask', ALTER email SET DEFAULT 'ask@example.com';
"""
"""Columns of which Django knows nothing, and defaults that fill in what a check by NULL misses."""
LEFT = f"UPDATE contacts SET company_id = 1 WHERE company_id = {FIRST};"
"""Nothing belongs to the company any more."""


@pytest.fixture
def migrated_folder(legacy: Database, tmp_path: Path) -> Path:
    legacy.execute(awkward.ROWS + DRIFT)
    assert_migrates(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "edit",
    [
        "vat = 'DE123456789'",
        "score = 2",
        "phone = '0123456789'",
        "email = NULL",
        "fax = '0123456789'",
        "address = ''",
        "is_default = false",
    ],
)
def test_one_in_which_any_column_was_changed_stays_as_it_is(
    legacy: Database, migrated_folder: Path, edit: str
) -> None:
    legacy.execute(f"{LEFT} UPDATE companies SET {edit} WHERE id = {FIRST}")
    row = f"SELECT address, phone, email, vat, score FROM companies WHERE id = {FIRST}"
    before = legacy.fetch(row)
    done = roll_back(migrated_folder)
    assert (done.code, done.error) == (0, "")
    assert legacy.fetch(row) == before
    assert f"Company {FIRST} " not in done.out
    assert f"Company {FIRST + 1} (tenant 4) goes" in done.out.split("READY TO ROLL BACK")[0]
    assert legacy.value("SELECT count(*) FROM companies WHERE id > 2147483100") == 1


def test_those_that_nobody_has_changed_go_whatever_their_defaults_are(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS + DRIFT)
    before = photograph(legacy)
    assert_migrates(tmp_path)
    done = roll_back(tmp_path)
    assert "Company 2147483103 (tenant 5) goes" in done.out.split("READY TO ROLL BACK")[0]
    assert changes(before, photograph(legacy)) == []


@pytest.mark.parametrize(
    ("edit", "stays"), [("", False), ("UPDATE companies SET credit = 7", True)]
)
def test_a_column_that_was_added_since_counts_where_it_was_written_to(
    legacy: Database, migrated_folder: Path, edit: str, stays: bool
) -> None:
    legacy.execute(f"ALTER TABLE companies ADD credit integer DEFAULT 5; {edit}")
    assert roll_back(migrated_folder).code == 0
    found = legacy.value(f"SELECT count(*) FROM companies WHERE id >= {FIRST}")
    assert bool(found) is stays


def test_the_proof_covers_those_that_stay(
    legacy: Database, migrated_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contacts.restructuring.state import alembic

    legacy.execute(f"UPDATE companies SET vat = 'DE123456789' WHERE id = {FIRST}")
    put_back = alembic.put_back

    def damage(cursor: object, remembered: dict[str, object]) -> None:
        put_back(cursor, remembered)
        cursor.execute(f"UPDATE companies SET vat = NULL WHERE id = {FIRST}")  # type: ignore[attr-defined]

    monkeypatch.setattr(alembic, "put_back", damage)
    refused = roll_back(migrated_folder)
    assert refused.code == 1
    assert f"companies {FIRST}: vat was 'DE123456789', became None" in refused.error


def test_a_backup_of_a_migrated_database_knows_what_they_were_made_of(
    legacy: Database, migrated_folder: Path
) -> None:
    options = ("--noinput", "--backup-dir", str(migrated_folder))
    assert run("--rollback", *options).code == 0
    (file,) = migrated_folder.glob("*/contacts.jsonl.gz")
    rows = json.loads((file.parent / "manifest.json").read_text())["created_rows"]
    assert rows[str(FIRST)]["phone"] == "ask"
    assert_migrates(migrated_folder)
    legacy.execute(f"{LEFT} UPDATE companies SET name = 'x' WHERE id = {FIRST}")
    assert run("--restore", str(file.parent), "--skip-backup", *options).code == 0
    legacy.execute(f"UPDATE companies SET vat = 'DE123456789' WHERE id = {FIRST}")
    assert run("--rollback", "--skip-backup", *options).code == 0
    assert legacy.fetch("SELECT id, vat FROM companies WHERE id > 2147483100") == [
        (FIRST, "DE123456789")
    ]


def test_of_an_earlier_version_s_run_only_what_no_default_fills_in_is_compared(
    legacy: Database, migrated_folder: Path
) -> None:
    legacy.execute(
        "UPDATE contacts_restructuringrun SET legacy_objects = legacy_objects #- "
        f"'{{companies,created}}'; UPDATE companies SET vat = 'DE123456789' WHERE id = {FIRST}"
    )
    assert roll_back(migrated_folder).code == 0
    assert legacy.fetch("SELECT id FROM companies WHERE id >= 2147483101") == [(FIRST,)]


def roll_back(folder: Path) -> Result:
    return run("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(folder))
