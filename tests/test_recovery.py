"""``--recover``: the wreck of the former Alembic migration becomes the legacy database it was."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.databases import Database
from tests.legacy_photograph import photograph, without_sequence

WRECK = Path(__file__).with_name("partial_state.sql")
SEQUENCE = "companies_id_seq"
"""The wreck drew from it, and a sequence says not from whom."""


def run(*flags: str, backups: Path, **options: Any) -> None:
    call_command("migrate_contacts", *flags, backup_dir=backups, noinput=True, **options)


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def legacy_text(sample: Database) -> str:
    """The database before the wreck; tenant 2's real Default Company leaves it no orphan."""
    sample.execute("UPDATE customers SET company_id = 1 WHERE tenant_id = 1 AND id = 13")
    sample.execute(
        "UPDATE customers SET company_id = (SELECT id FROM companies WHERE tenant_id = 2 "
        "AND name = 'Default Company') WHERE tenant_id = 2 AND company_id IS NULL"
    )
    return without_sequence(photograph(sample), SEQUENCE)


@pytest.fixture
def wreck(sample: Database, legacy_text: str) -> Database:
    sample.run_script(WRECK)
    return sample


def test_it_brings_back_the_legacy_database_byte_for_byte(
    wreck: Database, legacy_text: str, backups: Path
) -> None:
    run("--recover", backups=backups)
    assert without_sequence(photograph(wreck), SEQUENCE) == legacy_text


def test_a_default_company_that_people_made_stays_with_its_customers(
    wreck: Database, backups: Path
) -> None:
    kept = wreck.value("SELECT id FROM companies WHERE tenant_id = 2 AND name = 'Default Company'")
    customers = wreck.value("SELECT count(*) FROM contacts WHERE company_id = %s", [kept])
    run("--recover", backups=backups)
    assert wreck.fetch("SELECT id FROM companies WHERE name = 'Default Company'") == [(kept,)]
    held = wreck.value("SELECT count(*) FROM customers WHERE company_id = %s", [kept])
    assert held == customers > 0


def test_the_normal_run_follows_and_the_audit_trail_tells_both(
    wreck: Database, backups: Path
) -> None:
    run("--recover", backups=backups)
    run(backups=backups)
    run("--verify-only", backups=backups)
    kinds = wreck.fetch("SELECT kind FROM contacts_restructuringrun ORDER BY id")
    assert kinds == [("recovery",), ("migration",)]


@pytest.mark.parametrize("flags", [(), ("--dry-run",), ("--rehearse",)])
def test_other_modes_say_what_the_wreck_is_and_name_the_way_out(
    wreck: Database, backups: Path, flags: tuple[str, ...]
) -> None:
    before = wreck.dump()
    with pytest.raises(CommandError, match="migrate_contacts --recover") as caught:
        run(*flags, backups=backups)
    assert caught.value.returncode == 1
    assert wreck.dump() == before


BLOCKERS = {
    "No address was entered": "INSERT INTO addresses (tenant_id, company_id, street_address, city, "
    "state, zip_code) VALUES (1, 1, 'Street', 'City', 'State', '12345')",
    "No fax number or default address was entered": "UPDATE companies SET fax = '0123456789' "
    "WHERE id = 1",
    "Orders follow their customers": "UPDATE orders SET company_id = (SELECT max(id) FROM "
    "companies c WHERE c.id <> orders.company_id) WHERE id = (SELECT min(id) FROM orders "
    "WHERE customer_id IS NOT NULL)",
    "Nothing refers to the default companies that it made": "CREATE TABLE notes (company_id int "
    "REFERENCES companies (id)); INSERT INTO notes SELECT max(id) FROM companies "
    "WHERE name = 'Default Company'",
    "E-mails are unique in a tenant": "UPDATE contacts SET email = (SELECT email FROM contacts "
    "WHERE id = 3) WHERE id = (SELECT min(c.id) FROM contacts c, contacts o WHERE o.id = 3 "
    "AND c.tenant_id = o.tenant_id AND c.company_id <> o.company_id)",
}


@pytest.mark.parametrize("title", BLOCKERS)
def test_what_would_be_lost_stops_it(wreck: Database, backups: Path, title: str) -> None:
    wreck.execute(BLOCKERS[title])
    before = wreck.dump()
    with pytest.raises(CommandError, match=title):
        run("--recover", backups=backups)
    assert wreck.dump() == before


RESEMBLING = {
    "orders has contact_id already": "ALTER TABLE orders ADD COLUMN contact_id integer",
    "companies lacks the fax": "ALTER TABLE companies DROP COLUMN fax",
    "companies has is_default already": "ALTER TABLE companies ADD COLUMN is_default boolean",
    "customers is there as well": "CREATE TABLE customers (id serial PRIMARY KEY)",
    "orders has no customer_id": "ALTER TABLE orders DROP COLUMN customer_id",
}
EVERY_MODE = ((), ("--dry-run",), ("--rehearse",), ("--recover",), ("--rollback",))


@pytest.mark.parametrize("oddity", RESEMBLING)
def test_what_only_resembles_the_wreck_is_left_alone(
    wreck: Database, backups: Path, oddity: str
) -> None:
    wreck.execute(RESEMBLING[oddity])
    before = wreck.dump()
    for flags in EVERY_MODE:
        with pytest.raises(CommandError, match="no state that the tool knows"):
            run(*flags, backups=backups)
    assert wreck.dump() == before


def test_on_a_legacy_database_there_is_nothing_to_recover(
    legacy: Database, backups: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--recover", backups=backups)
    assert "nothing to recover" in capsys.readouterr().out


def test_on_a_migrated_database_there_is_nothing_to_recover(
    migrated: Database, backups: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--recover", backups=backups)
    assert "nothing to recover" in capsys.readouterr().out


def test_an_empty_database_is_refused(empty: Database, backups: Path) -> None:
    with pytest.raises(CommandError, match="is empty, not partial"):
        run("--recover", backups=backups)
