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
from tests.cases.case import Case
from tests.cases.legacy_rows import ROWS
from tests.support.command import assert_refused, migrate, run
from tests.support.databases import Database
from tests.support.migrated_rows import fill

BEHIND = "SET session_replication_role = replica; "
"""No trigger and no foreign key hears what comes after it."""

ERRORS = (
    Case(
        "bridge",
        "CREATE SCHEMA legacy; CREATE FUNCTION legacy.trg_bridge_write_customer() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "What it remembers for the day it goes is gone: the comment of its write function",
        count=12,
    ),
    Case(
        "contacts_have_companies",
        "ALTER TABLE contacts ALTER company_id DROP NOT NULL",
        "contacts.company_id may be NULL",
    ),
    Case(
        "orders_company_id",
        "ALTER TABLE orders ALTER company_id DROP NOT NULL",
        "orders.company_id may be NULL",
    ),
    Case(
        "consistent_orders",
        BEHIND + "UPDATE orders SET company_id = 2 WHERE id = 21",
        "Order 21 (tenant 1) belongs to company 2, its contact 11 (tenant 1) to company 1",
        query=True,
    ),
    Case(
        "consistent_orders",
        BEHIND + "UPDATE orders SET tenant_id = 2 WHERE id = 21",
        "Order 21 (tenant 2) belongs to company 1, its contact 11 (tenant 1) to company 1",
        query=True,
        name="tenant",
    ),
    Case(
        "required_indexes",
        "DROP INDEX ix_orders_tenant_company",
        "orders: ix_orders_tenant_company is missing",
    ),
    Case(
        "required_indexes",
        "ALTER TABLE contacts DROP CONSTRAINT uq_contact_email_per_company;"
        "ALTER TABLE contacts ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, id)",
        "contacts: uq_contact_email_per_company is UNIQUE (tenant_id, id)",
        name="other",
    ),
    Case(
        "required_indexes",
        "DROP INDEX uq_companies_one_default_per_tenant",
        "companies: uq_companies_one_default_per_tenant is missing",
        name="partial",
    ),
    Case(
        "foreign_keys",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_company",
        "orders: fk_orders_company is missing",
    ),
    Case(
        "foreign_keys",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, ADD CONSTRAINT fk_orders_contact "
        "FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE CASCADE",
        "orders: fk_orders_contact is FOREIGN KEY (contact_id) REFERENCES contacts(id) "
        "ON DELETE CASCADE",
        name="other-rule",
    ),
    Case(
        "consistent_tenants",
        BEHIND + "UPDATE addresses SET tenant_id = 2 WHERE id = 32",
        "Row 32 of addresses (tenant 2) belongs to company 1 (tenant 1)",
        query=True,
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = 32 WHERE id = 1",
        "Company 1 points to default address 32, marked is 31",
        query=True,
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE addresses SET is_default = false",
        "Company 1 points to default address 31, marked is none",
        count=2,
        query=True,
        name="unmarked",
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = NULL",
        "Company 1 points to default address none, marked is 31",
        count=2,
        query=True,
        name="no-pointer",
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = 33 WHERE id = 2",
        "Company 2 points to default address 33, marked is none",
        query=True,
        name="anothers",
    ),
    Case(
        "triggers",
        "DROP TRIGGER trg_move_orders_with_contact ON contacts",
        "Trigger trg_move_orders_with_contact on contacts is missing",
    ),
    Case(
        "triggers",
        "ALTER TABLE orders DISABLE TRIGGER trg_validate_order_relationships",
        "Trigger trg_validate_order_relationships on orders is disabled",
        name="disabled",
    ),
    Case(
        "triggers",
        "CREATE OR REPLACE FUNCTION trg_validate_order_relationships() RETURNS trigger "
        "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp "
        "SET row_security = off AS $$ BEGIN RETURN NEW; END $$",
        "The function of trigger trg_validate_order_relationships has another body than",
        name="body",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_sync_default_address() SET search_path = public",
        "The function of trigger trg_sync_default_address has other settings than",
        name="settings",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_sync_default_address() RESET row_security",
        "has other settings than search_path=pg_catalog, public, pg_temp, row_security=off: "
        "search_path=pg_catalog, public, pg_temp",
        name="row-security",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_validate_address_company() SECURITY INVOKER",
        "trg_validate_address_company does not run with its owner's rights (SECURITY DEFINER)",
        name="invoker",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_validate_address_company() OWNER TO pg_monitor",
        "trg_validate_address_company belongs to pg_monitor, not to postgres",
        name="owner",
    ),
    Case(
        "triggers",
        "GRANT EXECUTE ON FUNCTION trg_prevent_company_deletion() TO PUBLIC",
        "The function of trigger trg_prevent_company_deletion may be executed by PUBLIC",
        name="public",
    ),
    Case(
        "triggers",
        "CREATE OR REPLACE TRIGGER trg_validate_contact_company BEFORE INSERT ON contacts "
        "FOR EACH ROW EXECUTE FUNCTION trg_validate_contact_company()",
        "Trigger trg_validate_contact_company on contacts is another: CREATE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT ON contacts",
        name="events",
    ),
    Case(
        "triggers",
        "CREATE SCHEMA other; CREATE FUNCTION other.trg_validate_contact_company() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE OR REPLACE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT OR UPDATE OF id, tenant_id, company_id "
        "ON contacts FOR EACH ROW EXECUTE FUNCTION other.trg_validate_contact_company()",
        "Trigger trg_validate_contact_company on contacts is another: CREATE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT OR UPDATE OF id, tenant_id, company_id "
        "ON contacts FOR EACH ROW EXECUTE FUNCTION other.",
        count=5,
        name="another-function",
    ),
    Case(
        "applying_policies",
        "ALTER TABLE companies OWNER TO pg_monitor; ALTER TABLE companies ENABLE ROW LEVEL "
        "SECURITY, FORCE ROW LEVEL SECURITY",
        "The policies of companies apply to pg_monitor, the owner of companies",
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "companies has row-level security, addresses has not",
        count=3,
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE addresses ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY addresses_of_visible_companies ON addresses USING (true)",
        "Policy addresses_of_visible_companies on addresses is another: true",
        name="another",
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE addresses ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY addresses_of_visible_companies ON addresses FOR SELECT USING "
        "(EXISTS (SELECT 1 FROM companies WHERE companies.id = addresses.company_id))",
        "Policy addresses_of_visible_companies on addresses is another",
        name="reading-only",
    ),
    Case(
        "check_rules",
        "ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format, "
        "ADD CONSTRAINT ck_contacts_phone_format CHECK (id > 0)",
        "contacts: ck_contacts_phone_format is CHECK ((id > 0))",
    ),
    Case(
        "leftovers",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, ADD CONSTRAINT fk_orders_contact "
        "FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE SET NULL NOT VALID",
        "Constraint fk_orders_contact on orders is NOT VALID",
    ),
    Case(
        "leftovers",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_orders_id'::regclass",
        "Index ix_orders_id on orders is invalid",
        name="index",
    ),
)
WARNINGS = (
    Case(
        "address_rights",
        "GRANT SELECT ON companies TO pg_monitor",
        "pg_monitor lacks SELECT on addresses, which it has on companies",
    ),
    Case(
        "address_rights",
        "ALTER TABLE addresses OWNER TO pg_monitor",
        "addresses belongs to pg_monitor, not to postgres, the owner of companies",
        name="owner",
    ),
    Case(
        "tenant_limits",
        "DROP TABLE auth_user_tenants",
        "There is no table auth_user_tenants, so the admin shows no rows",
    ),
    Case(
        "tenant_limits",
        "ALTER TABLE auth_user_tenants DROP CONSTRAINT auth_user_tenants_user_id_tenant_id_uniq",
        "auth_user_tenants has no key auth_user_tenants_user_id_tenant_id_uniq",
        name="key",
    ),
    Case(
        "tenant_limits",
        BEHIND + "INSERT INTO auth_user_tenants (user_id, tenant_id) VALUES (5, 999)",
        "User 5 is limited to tenant 999, which does not exist",
        name="gone",
    ),
    *(
        Case(
            rule,
            f"ALTER TABLE {table} DROP CONSTRAINT {rule};"
            f"{BEHIND} UPDATE {table} SET {column} = 'x' WHERE tenant_id = 2",
            f"of {table} (tenant 2) breaks {rule}",
            query=True,
        )
        for rule, table, column in (
            ("ck_contacts_email_format", "contacts", "email"),
            ("ck_contacts_phone_format", "contacts", "phone"),
            ("ck_companies_email_format", "companies", "email"),
            ("ck_companies_phone_format", "companies", "phone"),
            ("ck_companies_fax_format", "companies", "fax"),
            ("ck_addresses_zip_format", "addresses", "zip_code"),
        )
    ),
    Case(
        "ck_companies_fax_format",
        "ALTER TABLE companies DROP CONSTRAINT ck_companies_fax_format",
        "No row of companies breaks ck_companies_fax_format, but the database does not hold it",
        name="dropped",
    ),
)
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

    done = run("--verify-only", "--backup-dir", str(tmp_path))

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
