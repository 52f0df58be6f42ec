"""The full run on awkward rows: what becomes of each of them. One migrated database for all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from pytest_django import DjangoDbBlocker

from tests.cases import awkward
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.command import assert_migrates

UNTOUCHED = ("users", "manufacturing_steps", "shipments", "alembic_version", "tenants")
COMPANIES = "id, tenant_id, name, address, phone, email, created_at, updated_at"
CUSTOMERS = "id, tenant_id, name, email, phone, company_id, created_at, updated_at"
ORDERS = (
    "id, tenant_id, order_number, {customer}, customer_name, customer_email, customer_phone, "
    "product_description, specifications, quantity, price, status, due_date, metal_type, "
    "target_weight_per_piece, initial_total_weight, created_at, updated_at"
)
BEFORE = {
    "tenants": "SELECT t::text FROM tenants t",
    "companies": f"SELECT ({COMPANIES})::text FROM companies",
    "customers": f"SELECT ({CUSTOMERS})::text FROM customers",
    "orders": f"SELECT ({ORDERS.format(customer='customer_id')})::text FROM orders",
}
AFTER = {
    "tenants": "SELECT t::text FROM tenants t",
    "companies": f"SELECT ({COMPANIES})::text FROM companies WHERE id NOT IN (%s)",
    "customers": "SELECT (id, tenant_id, name, coalesce(email, email_set_aside), phone, "
    "CASE WHEN placed_in_company_id IS NULL THEN company_id END, created_at, updated_at)::text "
    "FROM contacts",
    "orders": f"SELECT ({ORDERS.format(customer='contact_id')})::text FROM orders",
}
CREATED = {2147483101: 1, 2147483102: 4, 2147483103: 5}
"""The default companies that the run has to create: they follow the sequence, by tenant."""
GUIDE = {
    "SELECT COUNT(*) FROM contacts WHERE company_id IS NULL": 0,
    "SELECT COUNT(*) FROM orders WHERE company_id IS NULL": 0,
    "SELECT COUNT(*) FROM orders o JOIN contacts c ON o.contact_id = c.id "
    "WHERE o.company_id != c.company_id": 0,
    "SELECT COUNT(*) FROM contacts": 14,
}
"""The guide's verification queries and what it says that they give."""


class Migrated:
    """A database that was migrated, and what was in it before."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.rows = {name: fingerprint(database, query) for name, query in BEFORE.items()}
        self.dumps = {name: database.dump("-t", name) for name in UNTOUCHED}
        with django_uses(database):
            self.run = assert_migrates(folder)


def fingerprint(database: Database, query: str) -> str:
    """Return a digest of a query's rows, of this test's own making."""
    found: str = database.value(
        f"SELECT count(*) || md5(string_agg(md5(row), ' ' ORDER BY md5(row))) FROM ({query}) t(row)"
    )
    return found


@pytest.fixture(scope="module")
def done(
    server: Server, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Migrated]:
    """The awkward rows, with e-mails that stand twice, after a full run."""
    with django_db_blocker.unblock():
        database = server.database("legacy")
        try:
            database.execute(awkward.ROWS + awkward.DUPLICATES)
            yield Migrated(database, tmp_path_factory.mktemp("reports"))
        finally:
            server.drop(database.name)


@pytest.fixture(scope="module")
def database(done: Migrated) -> Database:
    return done.database


@pytest.mark.parametrize("table", BEFORE)
def test_every_row_is_there_with_every_value(done: Migrated, table: str) -> None:
    query = AFTER[table].replace("%s", ", ".join(map(str, CREATED)))

    assert fingerprint(done.database, query) == done.rows[table]


@pytest.mark.parametrize("query", GUIDE)
def test_verification_query_of_the_guide(database: Database, query: str) -> None:
    assert database.value(query) == GUIDE[query]


def test_required_indexes_are_listed_by_the_guides_query(database: Database) -> None:
    listed = database.fetch(
        "SELECT indexname FROM pg_indexes WHERE tablename IN ('contacts', 'orders', 'addresses') "
        "ORDER BY tablename, indexname"
    )

    assert [name for (name,) in listed] == [
        "addresses_pkey",
        "ix_addresses_company_default",
        "ix_addresses_company_id",
        "ix_addresses_tenant_id",
        "uq_addresses_one_default_per_company",
        "contacts_pkey",
        "ix_contacts_company_id",
        "ix_contacts_email",
        "ix_contacts_id",
        "ix_contacts_tenant_company",
        "ix_contacts_tenant_id",
        "uq_contact_email_per_company",
        "ix_orders_company_id",
        "ix_orders_contact_id",
        "ix_orders_id",
        "ix_orders_order_number",
        "ix_orders_tenant_company",
        "ix_orders_tenant_contact",
        "ix_orders_tenant_id",
        "orders_pkey",
    ]


@pytest.mark.parametrize("table", UNTOUCHED)
def test_table_of_the_other_application_is_untouched(done: Migrated, table: str) -> None:
    assert done.database.dump("-t", table) == done.dumps[table]


def test_orphans_go_to_their_tenants_default_company(database: Database) -> None:
    placed = database.fetch(
        "SELECT id, company_id FROM contacts WHERE placed_in_company_id = company_id ORDER BY id"
    )

    assert placed == [
        *[(n, 2147483101) for n in (2, 3)],
        (17, 7),
        (40, 2147483102),
        *[(n, 2147483101) for n in (101, 102, 103, 104)],
        (105, 7),
        (107, 2147483101),
    ]


def test_who_had_a_company_stays_there(database: Database) -> None:
    assert database.fetch(
        "SELECT id, company_id FROM contacts WHERE placed_in_company_id IS NULL ORDER BY id"
    ) == [(1, 1), (18, 7), (106, 7), (2147483000, 2147483000)]


def test_every_order_keeps_its_contact_and_goes_to_that_contacts_company(
    database: Database,
) -> None:
    assert database.fetch("SELECT id, contact_id, company_id FROM orders ORDER BY id") == [
        (1, 1, 1),
        (2, 2, 2147483101),
        (3, None, 2147483101),
        (30, 17, 7),
        (31, 18, 7),
        (50, None, 2147483103),
        (2147483000, 2147483000, 2147483000),
    ]


def test_default_companies_are_marked_only_where_something_was_placed(database: Database) -> None:
    marked = database.fetch("SELECT id, tenant_id, name FROM companies WHERE is_default ORDER BY 2")

    assert marked == [
        (2147483101, 1, "Default Company"),
        (7, 2, "Default Company"),
        (2147483102, 4, "Default Company"),
        (2147483103, 5, "Default Company"),
    ]
    assert database.value("SELECT is_default FROM companies WHERE id = 9") is False


def test_the_sequence_goes_on_behind_the_created_companies(database: Database) -> None:
    created = database.value("INSERT INTO companies (tenant_id, name) VALUES (3, 'n') RETURNING id")
    database.execute("DELETE FROM companies WHERE id = %s", [created])

    assert created > max(CREATED)


def test_the_lowest_id_keeps_an_email_that_stands_twice(database: Database) -> None:
    aside = database.fetch(
        "SELECT id, email_set_aside FROM contacts WHERE email IS NULL ORDER BY id"
    )

    assert dict(aside) == awkward.SET_ASIDE
    assert database.value("SELECT count(email_set_aside) FROM contacts") == len(aside)


def test_an_empty_email_is_kept_beside_none(database: Database) -> None:
    assert database.value("SELECT email FROM contacts WHERE id = 3") == ""


def test_rules_that_rows_break_are_pending_and_the_others_are_there(database: Database) -> None:
    present = database.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conname LIKE 'ck\\_%'"
        " AND convalidated ORDER BY 1"
    )

    assert [name for (name,) in present] == ["ck_addresses_zip_format", "ck_companies_fax_format"]


@pytest.mark.parametrize("rule", awkward.BREAKING)
def test_report_names_the_rows_of_a_pending_rule(done: Migrated, rule: str) -> None:
    (report,) = done.folder.glob("migration_report_*.txt")
    text = report.read_text()

    for row in awkward.BREAKING[rule]:
        table = "contacts" if "contacts" in rule else "companies"
        assert f"Row {row} of {table} " in text
        assert f"breaks {rule}" in text


def test_row_that_breaks_a_pending_rule_can_still_be_edited(database: Database) -> None:
    database.execute("UPDATE contacts SET updated_at = updated_at WHERE id IN (3, 17, 18)")


def test_the_database_refuses_what_the_target_forbids(database: Database) -> None:
    forbidden = (
        ("UPDATE contacts SET company_id = NULL WHERE id = 2", "company_id"),
        ("UPDATE contacts SET company_id = 7 WHERE id = 2", "cannot belong to company 7"),
        ("UPDATE contacts SET email = 'ada@example.com' WHERE id = 102", "uq_contact_email"),
        ("UPDATE orders SET company_id = 1 WHERE id = 2", "cannot belong to company 1"),
        ("DELETE FROM companies WHERE id = 7", "7"),
        ("INSERT INTO companies (tenant_id, name, fax) VALUES (1, 'F', '1')", "ck_companies_fax"),
    )
    for statement, message in forbidden:
        with pytest.raises(psycopg2.IntegrityError, match=message):
            database.execute(statement)


def test_the_runs_row_records_what_was_done(database: Database) -> None:
    kind, counts, created, prints, checks, backup = database.fetch(
        "SELECT kind, counts, created_companies, fingerprints, checks, backup_path"
        " FROM contacts_restructuringrun"
    )[0]

    assert (kind, created, backup) == ("migration", list(CREATED), "")
    expected: dict[str, Any] = {
        "tenants": 6,
        "companies": 5,
        "customers": 14,
        "orders": 7,
        "companies_created": 3,
        "contacts_placed": 10,
        "emails_set_aside": 4,
        "orders_without_contact": 2,
    }
    assert counts == expected
    assert prints["before"] == prints["after"]
    told = {check["id"]: check for check in checks}
    assert told["orphaned_customers"]["count"] == 10
    assert told["consistent_orders"]["status"] == "passed"


def test_the_runs_row_records_who_and_when(database: Database) -> None:
    assert database.value(
        "SELECT database_user = current_user AND operating_system_user <> ''"
        " AND started_at < finished_at AND finished_at < now() AND transaction_id > 0"
        " AND pg_xact_status(transaction_id::text::xid8) = 'committed'"
        " FROM contacts_restructuringrun"
    )


def test_the_run_leaves_statistics_for_the_planner(database: Database) -> None:
    analyzed = database.fetch(
        "SELECT c.relname, c.reltuples::int, (SELECT count(*) > 0 FROM pg_statistic s"
        " WHERE s.starelid = c.oid) FROM pg_class c WHERE c.relname ="
        " ANY('{companies,contacts,orders,tenants}') ORDER BY 1"
    )

    assert analyzed == [
        ("companies", 8, True),
        ("contacts", 14, True),
        ("orders", 7, True),
        ("tenants", 6, True),
    ]


def test_nothing_to_do_a_second_time(done: Migrated) -> None:
    before = done.database.dump()

    with django_uses(done.database):
        again = assert_migrates(done.folder)

    assert "already migrated: nothing to do" in again.out
    assert done.database.dump() == before
