"""What the rows that are placed, set aside or created would break, though today's rows keep it."""

from tests.cases.checks.case import Case
from tests.cases.legacy_rows import ORPHAN

CHECKED = "ALTER TABLE {table} ADD CONSTRAINT kept CHECK ({condition}) NOT VALID;"
TWINS = (
    ORPHAN
    + ";INSERT INTO customers (id, tenant_id, name, email) VALUES (14, 1, 'Cleo', 'd@x.com');"
)
"""Customers 13 and 14 of one tenant land together, both called Cleo."""
SHARED = (
    "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;"
    "INSERT INTO customers (id, tenant_id, name, email, company_id)"
    " VALUES (14, 1, 'twin', 'ada@example.com', 1);"
)
"""Of customers 11 and 14, in one company, 14 loses its e-mail."""
DEFAULT = "INSERT INTO companies (id, tenant_id, name) VALUES (9, 1, 'Default Company');"
NOISE = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 90) AS n)"
"""2,880 characters that cannot be compressed."""

ROWS_BLOCKERS = (
    Case(
        "placed_rows",
        ORPHAN
        + ";"
        + CHECKED.format(table="customers", condition="company_id IS NULL OR phone IS NOT NULL"),
        "Constraint kept will not hold for customer 13",
        query=True,
        name="check",
    ),
    Case(
        "placed_rows",
        "ALTER TABLE customers ADD household_id integer; UPDATE customers SET household_id = 5 "
        "WHERE company_id IS NULL;"
        + TWINS
        + "UPDATE customers SET household_id = id WHERE id > 12;"
        "ALTER TABLE customers ADD CONSTRAINT kept "
        "CHECK (num_nonnulls(company_id, household_id) = 1)",
        "Constraint kept will not hold for customer 13",
        count=2,
        query=True,
        name="one-of-two",
    ),
    Case(
        "placed_rows",
        TWINS + "ALTER TABLE customers ADD is_primary boolean; UPDATE customers SET is_primary = "
        "true; CREATE UNIQUE INDEX one_primary ON customers (company_id) WHERE is_primary",
        "Unique index one_primary will not hold for customer 13 and others like it",
        query=True,
        name="partial-unique",
    ),
    Case(
        "placed_rows",
        TWINS + "ALTER TABLE customers ADD CONSTRAINT one_name UNIQUE (company_id, name)",
        "Unique index one_name will not hold for customer 13 and others like it",
        query=True,
        name="unique",
    ),
    Case(
        "placed_rows",
        TWINS + "ALTER TABLE customers ADD CONSTRAINT apart EXCLUDE USING btree "
        "((company_id * 2) WITH =) WHERE (id > 12)",
        "Constraint apart will not hold for customer 13 and others like it",
        count=2,
        query=True,
        name="exclusion",
    ),
    Case(
        "placed_rows",
        SHARED + CHECKED.format(table="customers", condition="email IS NOT NULL"),
        "Constraint kept will not hold for customer 14",
        query=True,
        name="set-aside",
    ),
    Case(
        "placed_rows",
        SHARED + "CREATE DOMAIN address AS varchar CONSTRAINT given NOT NULL;"
        "ALTER TABLE customers ALTER email TYPE address",
        "customers.email is of the domain address, which does not take NULL",
        name="domain",
    ),
    Case(
        "placed_rows",
        SHARED + "ALTER TABLE customers ADD UNIQUE (id, email); CREATE TABLE letters "
        "(c integer, e varchar, CONSTRAINT letters_go FOREIGN KEY (c, e) "
        "REFERENCES customers (id, email)); INSERT INTO letters VALUES (14, 'ada@example.com')",
        "Constraint letters_go on letters refers to customer 14",
        query=True,
        name="referred",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";ALTER TABLE customers ADD region integer DEFAULT 7; CREATE TABLE branches "
        "(company integer, region integer, PRIMARY KEY (company, region)); INSERT INTO branches "
        "VALUES (1, 7), (2, 7); ALTER TABLE customers ADD CONSTRAINT branch_is_there FOREIGN KEY "
        "(company_id, region) REFERENCES branches",
        "Constraint branch_is_there will not hold for customer 13",
        query=True,
        name="foreign-key",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";ALTER TABLE customers ADD share integer "
        "GENERATED ALWAYS AS (2147483647 / (3 - company_id)) STORED",
        "The generated column share fails on the rows as they are going to be: division by zero",
        name="generated",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";CREATE FUNCTION slug() RETURNS varchar LANGUAGE sql AS 'SELECT NULL::varchar';"
        "ALTER TABLE companies ADD slug varchar; UPDATE companies SET slug = 'x';"
        "ALTER TABLE companies ALTER slug SET DEFAULT slug(), ALTER slug SET NOT NULL",
        "The NOT NULL of column slug will not hold for the Default Company of tenant 1",
        query=True,
        name="default",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";CREATE FUNCTION slug() RETURNS varchar LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''no slug today''; END'; ALTER TABLE companies ADD slug varchar;"
        "ALTER TABLE companies ALTER slug SET DEFAULT slug()",
        "The default of companies.slug fails for a company that has to be created: no slug today",
        name="failing-default",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";" + CHECKED.format(table="companies", condition="phone IS NOT NULL"),
        "Constraint kept will not hold for the Default Company of tenant 1",
        query=True,
        name="created",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";" + DEFAULT + CHECKED.format(table="companies", condition="phone IS NOT NULL"),
        "Constraint kept will not hold for the Default Company of tenant 1",
        query=True,
        name="reused",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";UPDATE orders SET customer_id = NULL WHERE tenant_id = 2;"
        "ALTER TABLE companies ADD CONSTRAINT one_name UNIQUE (name)",
        "Unique index one_name will not hold for the Default Company of tenant 1 and others like",
        query=True,
        name="created-twice",
    ),
    Case(
        "placed_rows",
        ORPHAN + ";ALTER SEQUENCE companies_id_seq RESTART 500;"
        "ALTER TABLE customers ADD CONSTRAINT kept CHECK (company_id <> 500)",
        "Constraint kept will not hold for customer 13",
        query=True,
        name="next-id",
    ),
    Case(
        "made_objects",
        "ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey;"
        "ALTER TABLE companies SET UNLOGGED",
        "companies is UNLOGGED, so addresses_company_id_fkey of addresses cannot be made",
        count=3,
        name="unlogged",
    ),
    Case(
        "made_objects",
        "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;"
        f"DROP INDEX ix_customers_email; UPDATE customers SET email = {NOISE} WHERE id = 12",
        "Row 12 of customers: its email takes 2904 bytes in uq_contact_email_per_company, which "
        "takes 2704",
        query=True,
        name="too-long",
    ),
    Case(
        "replicated_changes",
        "ALTER TABLE customers REPLICA IDENTITY NOTHING; CREATE PUBLICATION p FOR TABLE customers",
        'cannot update table "customers" because it does not have a replica identity',
    ),
)
