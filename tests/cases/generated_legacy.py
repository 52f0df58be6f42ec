"""Legacy databases as hypothesis makes them up: awkward values, and any mixture of drift."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from psycopg2 import sql
from psycopg2.extras import execute_values

from tests.support.database.databases import Database

KEYS = st.integers(1, 2_147_480_000)
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.sampled_from(
        ["", "\\N", "\\", "''", "%s", "\u2028", "\r\n", "💍", "null", "Default Company"]
    ),
)
EMAILS = st.sampled_from(
    ["ada@example.com", "ADA@example.com", "ben@example.com", "", "no at sign", "zoë@example.com"]
)
PHONES = st.sampled_from([None, "", "12", "+44 20 7946 0000"])
MOMENTS = st.one_of(
    st.none(),
    st.datetimes().map(str),
    st.sampled_from(
        ["infinity", "-infinity", "0001-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"]
    ),
)
NUMBERS = st.one_of(st.none(), st.floats(), st.sampled_from([-0.0, 0.1, 1e-307]))
STATUSES = st.sampled_from([None, "PENDING", "SHIPPED", "CANCELLED"])
METALS = st.sampled_from([None, "GOLD_24K", "OTHER"])

EMAIL_KEY = "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant"
COMPANY_KEY = "ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey"
ORDER_KEY = "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey"
TO_COMPANY = (
    "ADD CONSTRAINT customers_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies"
)
TO_CUSTOMER = "FOREIGN KEY (customer_id) REFERENCES customers"
UNIQUE_EMAILS = "unique e-mails"

DRIFT: dict[str, tuple[str, ...]] = {
    UNIQUE_EMAILS: (
        EMAIL_KEY,
        f"{EMAIL_KEY}; CREATE INDEX uq_customer_email_per_tenant ON customers (tenant_id, email)",
        'ALTER TABLE customers RENAME CONSTRAINT uq_customer_email_per_tenant TO "E-mails %s"',
        f"{EMAIL_KEY}; CREATE UNIQUE INDEX uq_customer_email_per_tenant"
        " ON customers (tenant_id, email) WITH (fillfactor = 66)",
        f"{EMAIL_KEY}, ADD UNIQUE (tenant_id, email) DEFERRABLE INITIALLY DEFERRED",
        "COMMENT ON CONSTRAINT uq_customer_email_per_tenant ON customers IS 'one \"each\" %s'",
        "ALTER TABLE customers REPLICA IDENTITY USING INDEX uq_customer_email_per_tenant",
        "ALTER TABLE customers CLUSTER ON uq_customer_email_per_tenant",
    ),
    "key to companies": (
        COMPANY_KEY,
        'ALTER TABLE customers RENAME CONSTRAINT customers_company_id_fkey TO "to companies"',
        f"{COMPANY_KEY}, {TO_COMPANY} DEFERRABLE INITIALLY DEFERRED",
        f"{COMPANY_KEY}, {TO_COMPANY} ON DELETE SET NULL ON UPDATE CASCADE",
        f"{COMPANY_KEY}, {TO_COMPANY} NOT VALID",
        "COMMENT ON CONSTRAINT customers_company_id_fkey ON customers IS E'two\\nlines'",
    ),
    "key to customers": (
        ORDER_KEY,
        "ALTER TABLE orders RENAME CONSTRAINT orders_customer_id_fkey TO fk_orders_contact",
        f"{ORDER_KEY}, ADD CONSTRAINT orders_customer_id_fkey {TO_CUSTOMER} ON DELETE CASCADE",
        f'{ORDER_KEY}, ADD CONSTRAINT "orders\' customers" {TO_CUSTOMER} DEFERRABLE',
        f"ALTER TABLE orders ADD CONSTRAINT again {TO_CUSTOMER} ON DELETE SET NULL",
        "COMMENT ON CONSTRAINT orders_customer_id_fkey ON orders IS 'who ordered'",
    ),
    "primary key": (
        'ALTER TABLE customers RENAME CONSTRAINT customers_pkey TO "PK of customers"',
        "COMMENT ON CONSTRAINT customers_pkey ON customers IS 'the key'",
        "COMMENT ON INDEX customers_pkey IS 'the index of the key'",
    ),
    "indexes of customers": (
        "DROP INDEX ix_customers_email, ix_customers_id",
        "ALTER INDEX ix_customers_email RENAME TO ix_contacts_company_id",
        "ALTER INDEX ix_customers_email RENAME TO x; ALTER INDEX ix_customers_company_id"
        " RENAME TO ix_customers_email; ALTER INDEX x RENAME TO ix_customers_company_id",
        'CREATE INDEX "and again" ON customers (email)',
        "ALTER INDEX ix_customers_email SET (fillfactor = 70)",
        "COMMENT ON INDEX ix_customers_email IS 'by e-mail'",
        "CREATE INDEX lower ON customers (lower(name)) INCLUDE (phone) WHERE company_id IS NULL",
    ),
    "indexes of orders": (
        "DROP INDEX ix_orders_customer_id, ix_orders_order_number",
        "ALTER INDEX ix_orders_customer_id RENAME TO ix_orders_tenant_contact",
        "ALTER TABLE orders CLUSTER ON ix_orders_customer_id",
        "ALTER TABLE orders REPLICA IDENTITY USING INDEX ix_orders_order_number",
        "CREATE INDEX open ON orders (customer_id, price) WHERE status = 'PENDING'",
    ),
    "companies": (
        "ALTER TABLE companies RENAME CONSTRAINT uq_company_name_per_tenant TO uq_name",
        "ALTER TABLE companies REPLICA IDENTITY USING INDEX uq_company_name_per_tenant",
        "DROP INDEX ix_companies_tenant_id; ALTER TABLE companies ALTER phone SET DEFAULT 'none'",
        "ALTER TABLE companies ADD branch varchar NOT NULL DEFAULT 'x'",
    ),
    "constraints of others": (
        "ALTER TABLE customers ADD CONSTRAINT placed CHECK (company_id > 0) NOT VALID",
        "ALTER TABLE orders ADD CONSTRAINT sensible CHECK (quantity IS NULL OR price <> 17)"
        " NOT VALID",
    ),
    "nullable": (
        "ALTER TABLE customers ALTER email DROP NOT NULL",
        "ALTER TABLE customers ALTER name DROP NOT NULL, ALTER phone SET STATISTICS 500",
        "ALTER TABLE orders ALTER customer_name DROP NOT NULL",
    ),
    "sequences": (
        'ALTER SEQUENCE customers_id_seq RENAME TO "Customers seq"',
        "ALTER SEQUENCE customers_id_seq OWNED BY NONE",
        "ALTER SEQUENCE companies_id_seq INCREMENT 7 CACHE 3 RESTART 2147481000",
        "SELECT setval('customers_id_seq', 17), setval('orders_id_seq', 1, false)",
        "COMMENT ON SEQUENCE customers_id_seq IS 'ids'",
    ),
    "columns": (
        "ALTER TABLE customers ADD notes jsonb DEFAULT '{\"a\": null}', ADD tags text[],"
        " ADD raw bytea DEFAULT '\\x00ff',"
        " ADD length int GENERATED ALWAYS AS (length(name)) STORED",
        'ALTER TABLE orders ADD "odd ""name" xml, ADD span int4range DEFAULT \'[1,5)\'',
        "ALTER TABLE customers ADD gone int; ALTER TABLE customers DROP gone",
        "COMMENT ON COLUMN customers.email IS 'e''mail'; COMMENT ON TABLE customers IS 'people'",
    ),
    "storage": (
        "ALTER TABLE customers SET (fillfactor = 80, autovacuum_enabled = false)",
        "ALTER TABLE orders SET (fillfactor = 70)",
        'CREATE VIEW people AS SELECT c.*, o.id AS "order" FROM customers c'
        " JOIN orders o ON o.customer_id = c.id",
    ),
}
"""By what it is about, for two of the same would meet."""
DRIFT_18: dict[str, tuple[str, ...]] = {
    "names of NOT NULL": (
        'ALTER TABLE customers RENAME CONSTRAINT customers_id_not_null TO "must have an id"',
        "COMMENT ON CONSTRAINT customers_tenant_id_not_null ON customers IS 'whose'",
        "ALTER TABLE orders RENAME CONSTRAINT orders_order_number_not_null TO numbered",
        "ALTER TABLE companies RENAME CONSTRAINT companies_name_not_null TO customers_x_not_null",
    ),
}
WITHOUT_UNIQUE_EMAILS = DRIFT[UNIQUE_EMAILS][:2]

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Legacy:
    """The rows of a legacy database, by table in the order of their keys, and its drift."""

    tenants: Sequence[Row]
    companies: Sequence[Row]
    customers: Sequence[Row]
    orders: Sequence[Row]
    shipments: Sequence[Row]
    drift: tuple[str, ...]

    def build(self, database: Database) -> None:
        """Fill a database that holds the legacy schema."""
        with contextlib.closing(database.connect()) as session, session.cursor() as cursor:
            for statement in self.drift:
                cursor.execute(statement)
            for table, columns in COLUMNS.items():
                rows = getattr(self, table)
                insert = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(
                    sql.Identifier(table), sql.SQL(columns)
                )
                execute_values(cursor, insert.as_string(cursor), rows)


COLUMNS = {
    "tenants": "id, name, subdomain, is_active, created_at, updated_at",
    "companies": "id, tenant_id, name, address, phone, email, created_at",
    "customers": "id, tenant_id, name, email, phone, company_id, created_at, updated_at",
    "orders": "id, tenant_id, order_number, customer_id, customer_name, customer_email, quantity,"
    " price, status, due_date, metal_type, initial_total_weight, created_at",
    "shipments": "tenant_id, order_id",
}


@st.composite
def legacies(draw: st.DrawFn, version: int) -> Legacy:
    """A legacy database that may be migrated, for a server of ``version``, 18 for example."""
    known = {**DRIFT, **(DRIFT_18 if version >= 18 else {})}
    subjects = draw(st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True))
    drift = {subject: draw(st.sampled_from(known[subject])) for subject in subjects}
    tenants = draw(_rows(TEXT, st.booleans() | st.none(), MOMENTS, MOMENTS, least=1))
    companies = draw(_owned(tenants, TEXT, TEXT | st.none(), PHONES, EMAILS, MOMENTS))
    companies = _distinct(companies, 1, 2)
    customers = draw(_owned(tenants, TEXT, EMAILS, PHONES))
    if drift.get(UNIQUE_EMAILS) not in WITHOUT_UNIQUE_EMAILS:
        customers = _distinct(customers, 1, 3)
    orders = draw(_owned(tenants, TEXT, EMAILS | st.none(), *ORDER_VALUES))
    ordered = [
        (key, tenant, f"N-{key}", draw(_of_tenant(customers, tenant)), *values)
        for key, tenant, *values in orders
    ]
    return Legacy(
        [(key, name, f"t{key}", *values) for key, name, *values in tenants],
        companies,
        [
            (*row, draw(_of_tenant(companies, row[1])), draw(MOMENTS), draw(MOMENTS))
            for row in customers
        ],
        ordered,
        [(row[1], row[0]) for row in ordered if draw(st.booleans())],
        tuple(drift.values()),
    )


ORDER_VALUES = (
    st.none() | st.integers(-(2**31), 2**31 - 1),
    NUMBERS,
    STATUSES,
    MOMENTS,
    METALS,
    NUMBERS,
    MOMENTS,
)


def _rows(*values: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Row]]:
    """Rows that begin with a key of their own."""
    row = st.tuples(KEYS, *values)
    return st.lists(row, min_size=least, max_size=6, unique_by=lambda row: row[0])


def _owned(tenants: list[Row], *values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    """Rows that begin with a key and the key of one of ``tenants``."""
    return _rows(st.sampled_from([row[0] for row in tenants]), *values)


def _of_tenant(rows: Sequence[Row], tenant: int) -> st.SearchStrategy[int | None]:
    """The key of one of the tenant's ``rows``, or None."""
    return st.sampled_from([None, *(row[0] for row in rows if row[1] == tenant)])


def _distinct(rows: list[Row], *columns: int) -> list[Row]:
    """The first of the rows that are equal in ``columns``."""
    found: dict[Row, Row] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in columns), row)
    return list(found.values())
