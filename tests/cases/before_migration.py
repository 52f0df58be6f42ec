"""What breaks each check before the restructuring: SQL, and what the check has to say."""

from dataclasses import dataclass

ROWS = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum'), (2, 'Bijou', 'bijou');
INSERT INTO companies (id, tenant_id, name) VALUES (1, 1, 'Ring & Co'), (2, 2, 'Opal');
INSERT INTO customers (id, tenant_id, name, email, company_id) VALUES
    (11, 1, 'Ada', 'ada@example.com', 1), (12, 2, 'Ben', 'ben@example.com', 2);
INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name) VALUES
    (21, 1, 'A-21', 11, 'Ada'), (22, 2, 'B-22', 12, 'Ben');
"""
"""Nothing to warn of but Alembic's record."""
ORPHAN = (
    """INSERT INTO customers (id, tenant_id, name, email) VALUES (13, 1, 'Cleo', 'c@example.com')"""
)
LOOSE_KEYS = """
ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_fkey;
ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE orders DROP CONSTRAINT orders_tenant_id_fkey;
"""


@dataclass(frozen=True)
class Case:
    """A way to break the check ``id``, and the first sentence that tells so, or a part of it.

    ``role``: the run acts as a role of its own, ``{role}`` in the SQL. ``query``: the check gives
    one, and it finds all the rows.
    """

    id: str
    sql: str
    told: str
    count: int = 1
    role: bool = False
    query: bool = False
    name: str = ""

    def __str__(self) -> str:
        return f"{self.id}-{self.name}" if self.name else self.id


OWN_TABLES = """
ALTER TABLE tenants OWNER TO {role}; ALTER TABLE companies OWNER TO {role};
ALTER TABLE customers OWNER TO {role}; ALTER TABLE orders OWNER TO {role};
"""
DJANGO_MIGRATIONS = """
CREATE TABLE django_migrations (
    id serial PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL,
    applied timestamptz NOT NULL
);
"""
READ_TABLES = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
CREATE = "GRANT CREATE ON SCHEMA public TO {role};"

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
        "ALTER TABLE customers ALTER id TYPE bigint",
        "customers.id is bigint, expected integer",
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
        "ALTER TABLE tenants ALTER created_at TYPE timestamptz",
        "tenants.created_at is timestamp with time zone, expected timestamp without time zone",
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
        "companies is no ordinary table (relkind v)",
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
        "ALTER TABLE orders ALTER customer_name DROP NOT NULL; UPDATE orders SET customer_name = "
        "NULL",
        "Row 21 of orders has no customer_name",
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
        "1 id needed after 2147483647, and 2147483647 is the largest",
        name="sequence-at-its-end",
    ),
    Case(
        "rights",
        READ_TABLES + CREATE,
        ", the owner of companies",
        count=4,
        role=True,
    ),
    Case(
        "rights", OWN_TABLES, "may not create in schema public", count=2, role=True, name="schema"
    ),
    Case(
        "rights",
        OWN_TABLES + CREATE + DJANGO_MIGRATIONS + "GRANT SELECT ON django_migrations TO {role}",
        ", the owner of django_migrations, which keeps the record",
        role=True,
        name="record",
    ),
    Case(
        "writable",
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "default_transaction_read_only is on for this role or database",
    ),
)
