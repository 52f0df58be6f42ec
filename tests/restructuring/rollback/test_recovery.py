"""--recover: the wreck of the former Alembic migration becomes the legacy database it was."""

from pathlib import Path

import pytest

from contacts.restructuring.changes import recover as recovery
from contacts.restructuring.checks.base import Tag
from contacts.restructuring.checks.before_recovery import CHECKS
from tests.cases.wreck import ROWS, WRECK
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph, without_sequence
from tests.support.runs.command import Result, assert_migrates, assert_refused, run

DRAWN = "companies_id_seq"
"""The old migration drew ids from this sequence, which nobody can take back."""


@pytest.fixture
def photographed(legacy: Database) -> str:
    """The database is the wreck; this is what it was before."""
    legacy.execute(ROWS)
    before = photograph(legacy)
    legacy.run_script(WRECK)
    return without_sequence(before, DRAWN)


def recover(folder: Path, *more: str) -> Result:
    return run("--recover", "--noinput", "--backup-dir", str(folder), *more)


def test_the_wreck_becomes_what_it_was(legacy: Database, photographed: str, tmp_path: Path) -> None:
    done = recover(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert changes(photographed, without_sequence(photograph(legacy), DRAWN)) == []


def test_whom_it_had_placed_and_what_it_had_made_is_told_before_the_question(
    legacy: Database, photographed: str, tmp_path: Path
) -> None:
    out = recover(tmp_path).out
    assert "contacts of the default companies that it made have no company again: 3" in out
    assert "ids: 2147483101, 2147483102" in out


def test_a_default_company_that_people_use_stays(
    legacy: Database, photographed: str, tmp_path: Path
) -> None:
    recover(tmp_path)
    found = dict(legacy.fetch("SELECT id, company_id FROM customers WHERE id IN (17, 18, 60)"))
    assert found == {17: 7, 18: 7, 60: 60}


def test_a_backup_of_the_wreck_is_written_first(
    legacy: Database, photographed: str, tmp_path: Path
) -> None:
    recover(tmp_path)
    assert {path.name for path in tmp_path.rglob("*.jsonl.gz")} >= {
        "contacts.jsonl.gz",
        "companies.jsonl.gz",
        "orders.jsonl.gz",
    }


def test_the_backup_of_the_wreck_is_restored_into_none(
    legacy: Database, photographed: str, tmp_path: Path
) -> None:
    recover(tmp_path)
    (folder,) = (path.parent for path in tmp_path.rglob("manifest.json"))
    before = legacy.dump()
    refused = run("--restore", str(folder), "--noinput", "--backup-dir", str(tmp_path))
    told = "the backup of a partial database and is kept for the record: it can be restored into"
    assert_refused(legacy, refused, before, f"{told} none. Nothing was changed.")


def test_the_normal_run_can_follow_and_be_rolled_back(
    legacy: Database, photographed: str, tmp_path: Path
) -> None:
    recover(tmp_path, "--skip-backup")
    before = photograph(legacy)
    assert_migrates(tmp_path)
    done = run("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, "")
    assert changes(before, photograph(legacy)) == []
    kinds = "SELECT string_agg(kind, ' ' ORDER BY id) FROM contacts_restructuringrun"
    assert legacy.value(kinds) == "recovery migration rollback"


@pytest.mark.parametrize("mode", [(), ("--dry-run",), ("--rehearse",)], ids=str)
def test_other_modes_explain_what_they_see_and_name_the_remedy(
    legacy: Database, photographed: str, tmp_path: Path, mode: tuple[str, ...]
) -> None:
    before = legacy.dump()
    refused = run(*mode, "--noinput", "--backup-dir", str(tmp_path))
    assert_refused(legacy, refused, before, "partial", "former Alembic migration", "--recover")


@pytest.mark.parametrize("mode", ["--rollback", "--verify-only", "--enforce-rules"])
def test_modes_for_a_migrated_database_refuse_the_wreck(
    legacy: Database, photographed: str, tmp_path: Path, mode: str
) -> None:
    before = legacy.dump()
    refused = run(mode, "--noinput", "--backup-dir", str(tmp_path))
    assert_refused(legacy, refused, before, "is partial, not migrated", "--recover")


@pytest.mark.parametrize("kind", ["legacy", "migrated"])
def test_where_nothing_is_wrecked_there_is_nothing_to_do(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    database = request.getfixturevalue(kind)
    before = database.dump()
    done = recover(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert f"The database is {kind}: nothing to recover." in done.out
    assert database.dump() == before


def test_an_empty_database_is_refused(empty: Database, tmp_path: Path) -> None:
    before = empty.dump()
    assert_refused(empty, recover(tmp_path), before, "is empty, not partial")


ADDRESS = """
    INSERT INTO addresses (id, tenant_id, company_id, street_address, city, state, zip_code)
    VALUES (5, 1, 1, '1 High Street', 'York', 'Y', '12345')
"""
WORKED_WITH = {
    "addresses": (ADDRESS, "Address 5 would be lost"),
    "fax_numbers": (
        "UPDATE companies SET fax = '0123456789' WHERE id = 8",
        "The fax or default address of company 8 would be lost",
    ),
    "moved_orders": (
        "UPDATE orders SET company_id = 8 WHERE id = 3",
        "That order 3 belongs to company 8 would be lost",
    ),
    "references": (
        "CREATE TABLE invoices (company_id integer REFERENCES companies ON DELETE CASCADE);"
        "INSERT INTO invoices VALUES (2147483102)",
        "Rows of another table refer to company 2147483102",
    ),
    "unique_emails_in_tenant": (
        "INSERT INTO contacts (id, tenant_id, name, email, company_id) "
        "VALUES (900, 1, 'Ada again', 'ada@example.com', 8)",
        "2 contacts of tenant 1 have the e-mail of contact 1",
    ),
}


def test_every_check_of_rows_has_a_case() -> None:
    """Those of rights and the server are tried with the other modes, which share them."""
    assert {check.id for check in CHECKS if Tag.WRECK in check.tags} == {*WORKED_WITH}


@pytest.mark.parametrize("check", WORKED_WITH)
def test_a_wreck_that_people_have_worked_with_is_left_alone(
    legacy: Database, photographed: str, tmp_path: Path, check: str
) -> None:
    statement, told = WORKED_WITH[check]
    legacy.execute(statement)
    before = legacy.dump()
    assert_refused(legacy, recover(tmp_path), before, told)


def test_damage_on_the_way_is_caught_and_undone(
    legacy: Database, photographed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaging = (*recovery.UNDO, "UPDATE orders SET price = price + 1 WHERE id = 31")
    monkeypatch.setattr(recovery, "UNDO", damaging)
    before = legacy.dump()
    assert_refused(legacy, recover(tmp_path), before, "The proof failed", "orders 31: price was")


RESEMBLING = {
    "orders has a column contact_id already": "ALTER TABLE orders ADD contact_id integer",
    "orders has no column customer_id": "ALTER TABLE orders DROP customer_id",
    "orders has no column company_id": "ALTER TABLE orders DROP company_id",
    "companies has no column fax": "ALTER TABLE companies DROP fax",
    "companies has a column is_default already": "ALTER TABLE companies ADD is_default boolean",
    "found addresses, companies, contacts, customers, orders, tenants": (
        "CREATE TABLE customers (id serial PRIMARY KEY)"
    ),
    "found companies, contacts, orders, tenants": "DROP TABLE addresses CASCADE",
}
MODES = (
    "--recover",
    "--rollback",
    "--dry-run",
    "--rehearse",
    "--verify-only",
    "--enforce-rules",
    "--repair",
)


@pytest.mark.parametrize("odd", RESEMBLING)
def test_what_only_resembles_the_wreck_is_left_alone_by_every_mode(
    legacy: Database, photographed: str, tmp_path: Path, odd: str
) -> None:
    legacy.execute(RESEMBLING[odd])
    before = legacy.dump()
    for mode in (*MODES, ""):
        flags = (mode,) if mode else ()
        refused = run(*flags, "--noinput", "--backup-dir", str(tmp_path))
        assert refused.code == 1
        assert "unknown" in refused.out + refused.error, (mode, refused)
        assert odd in refused.out + refused.error, (mode, refused)
        assert "a full backup of the database" in refused.error
    assert legacy.dump() == before
