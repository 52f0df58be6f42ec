"""What breaks each check before the migration that stops the run, and what the check says."""

from tests.cases.checks.before_migration_objects import OBJECT_BLOCKERS
from tests.cases.checks.case import Case
from tests.cases.legacy_rows import CREATE, ORPHAN, OWN_TABLES

LOOSE_KEYS = """
ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_fkey;
ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE orders DROP CONSTRAINT orders_tenant_id_fkey;
"""

BLOCKERS = (
    Case(
        "valid_tenants",
        LOOSE_KEYS + "UPDATE customers SET tenant_id = 99 WHERE id = 11; DELETE FROM orders",
        "Row 11 of customers has tenant 99, which is not there",
        query=True,
    ),
    Case(
        "valid_tenants",
        LOOSE_KEYS + "ALTER TABLE customers ALTER tenant_id DROP NOT NULL;"
        "UPDATE customers SET tenant_id = NULL; DELETE FROM orders",
        "Row 11 of customers has tenant None",
        count=2,
        query=True,
        name="null",
    ),
    Case(
        "valid_tenants",
        LOOSE_KEYS + "UPDATE orders SET tenant_id = 99, customer_id = NULL",
        "Row 21 of orders has tenant 99",
        count=2,
        query=True,
        name="orders",
    ),
    Case(
        "order_customers",
        "UPDATE orders SET customer_id = 12 WHERE id = 21",
        "Order 21 (tenant 1) has customer 12 (tenant 2)",
        query=True,
    ),
    Case(
        "order_customers",
        LOOSE_KEYS + "UPDATE orders SET customer_id = 99 + id",
        "Order 21 (tenant 1) has customer 120 (missing)",
        count=2,
        query=True,
        name="missing",
    ),
    Case(
        "order_customers",
        LOOSE_KEYS + "INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name) "
        "SELECT n, 1, n, 99, '' FROM generate_series(100, 149) AS n",
        "Order 100 (tenant 1) has customer 99 (missing)",
        count=50,
        query=True,
        name="many",
    ),
    Case(
        "company_tenants",
        "UPDATE customers SET company_id = 2 WHERE id = 11",
        "Customer 11 (tenant 1) has company 2 (tenant 2)",
        query=True,
    ),
    Case(
        "company_tenants",
        LOOSE_KEYS + "UPDATE customers SET company_id = 99 WHERE id = 11",
        "Customer 11 (tenant 1) has company 99 (missing)",
        query=True,
        name="missing",
    ),
    Case(
        "columns",
        "ALTER TABLE orders DROP COLUMN due_date",
        "orders has no column due_date (timestamp without time zone)",
    ),
    Case(
        "columns",
        "ALTER TABLE customers ALTER id TYPE numeric",
        "customers.id is numeric, expected integer or bigint or smallint: what is of another type "
        "cannot be carried as it is",
        name="type",
    ),
    Case(
        "columns",
        "ALTER TABLE orders ALTER status DROP DEFAULT, ALTER status TYPE varchar",
        "orders.status is character varying, expected orderstatus",
        name="enum",
    ),
    Case(
        "columns",
        "ALTER TABLE tenants ALTER created_at TYPE date",
        "tenants.created_at is date, expected timestamp without time zone or timestamp with time "
        "zone",
        name="zone",
    ),
    Case(
        "ordinary_tables",
        "CREATE TABLE archive () INHERITS (orders)",
        "archive inherits from orders",
    ),
    Case(
        "ordinary_tables",
        "CREATE TABLE copies (kept orders)",
        "copies.kept is of the row type of orders",
        name="row-type",
    ),
    Case(
        "ordinary_tables",
        "CREATE TABLE copies (kept orders[])",
        "copies.kept is of the row type of orders",
        name="array-of-rows",
    ),
    Case(
        "ordinary_tables",
        "ALTER TABLE companies RENAME TO firms; CREATE VIEW companies AS SELECT * FROM firms",
        "companies is not an ordinary table (relkind v)",
        name="view",
    ),
    Case(
        "readable_rows",
        OWN_TABLES + CREATE + "ALTER TABLE customers FORCE ROW LEVEL SECURITY;"
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
        "Row-level security hides rows of customers from this role",
        role=True,
    ),
    Case(
        "missing_constraints",
        "ALTER TABLE companies DROP CONSTRAINT uq_company_name_per_tenant;"
        "INSERT INTO companies (id, tenant_id, name) VALUES (3, 1, 'Ring & Co')",
        "2 rows of companies share tenant_id 1, name Ring & Co",
        query=True,
    ),
    Case(
        "missing_constraints",
        "DROP INDEX ix_orders_order_number; UPDATE orders SET order_number = 'X'",
        "2 rows of orders share order_number X",
        query=True,
        name="index",
    ),
    Case(
        "missing_constraints",
        "ALTER TABLE customers ALTER name DROP NOT NULL; UPDATE customers SET name = NULL",
        "Row 11 of customers has no name",
        count=2,
        query=True,
        name="null",
    ),
    Case(
        "missing_constraints",
        "ALTER TABLE tenants DROP CONSTRAINT tenants_pkey CASCADE;"
        "INSERT INTO tenants (id, name, subdomain) VALUES (1, 'twin', 'twin')",
        "2 rows of tenants share id 1",
        query=True,
        name="key",
    ),
    Case(
        "missing_constraints",
        "ALTER TABLE companies DROP CONSTRAINT companies_tenant_id_fkey;"
        "UPDATE companies SET tenant_id = 99 WHERE id = 2; ALTER TABLE companies ADD CONSTRAINT "
        "companies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants NOT VALID",
        "Row 2 of companies has tenant_id 99, which is not in tenants",
        query=True,
        name="not-valid",
    ),
    Case(
        "fillable_companies",
        ORPHAN + "; ALTER TABLE companies ADD branch varchar;"
        "UPDATE companies SET branch = ''; ALTER TABLE companies ALTER branch SET NOT NULL",
        "companies.branch is NOT NULL and has no default",
    ),
    Case(
        "fillable_companies",
        ORPHAN + "; UPDATE companies SET phone = '0123456789';"
        "ALTER TABLE companies ALTER phone SET NOT NULL",
        "companies.phone is NOT NULL and has no default",
        name="known-column",
    ),
    Case(
        "fillable_companies",
        ORPHAN + "; SELECT setval('companies_id_seq', 2147483647)",
        "1 id needed, and sequence companies_id_seq, which ends at 2147483647, has 0 left",
        name="sequence-at-its-end",
    ),
    Case(
        "fillable_companies",
        ORPHAN + "; ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq;"
        "UPDATE customers SET company_id = NULL; UPDATE companies SET id = 2147483647 WHERE id = 2",
        "2 ids needed after 2147483647, and 2147483647 is the largest",
        name="no-sequence",
    ),
    *OBJECT_BLOCKERS,
)
