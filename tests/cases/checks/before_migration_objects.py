"""What breaks the checks before the migration of names, keys, rights and other projects."""

from tests.cases.checks.case import Case
from tests.cases.legacy_rows import CREATE, OWN_TABLES, READ_TABLES

DJANGO_MIGRATIONS = """
CREATE TABLE django_migrations (
    id serial PRIMARY KEY, app varchar(255) NOT NULL, name varchar(255) NOT NULL,
    applied timestamptz NOT NULL
);
"""

OBJECT_BLOCKERS = (
    Case(
        "applying_policies",
        "ALTER TABLE companies OWNER TO pg_monitor; GRANT CREATE ON SCHEMA public TO pg_monitor;"
        "GRANT SELECT, UPDATE ON customers, orders TO pg_monitor;"
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
        "The policies of customers apply to pg_monitor, the owner of companies, with whose rights "
        'the triggers run: ALTER TABLE "customers" OWNER TO "pg_monitor"',
    ),
    Case(
        "applying_policies",
        "ALTER TABLE companies OWNER TO pg_monitor; GRANT CREATE ON SCHEMA public TO pg_monitor;"
        "GRANT SELECT, UPDATE ON customers, orders TO pg_monitor;"
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        'the triggers run: ALTER TABLE "companies" NO FORCE ROW LEVEL SECURITY',
        name="forced",
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
    Case(
        "replaced_keys",
        "CREATE TABLE letters (tenant_id integer, email varchar, CONSTRAINT letters_go "
        "FOREIGN KEY (tenant_id, email) REFERENCES customers (tenant_id, email))",
        "Constraint letters_go on letters refers to uq_customer_email_per_tenant, which goes",
    ),
    Case(
        "replaced_keys",
        "ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE, "
        "ADD CONSTRAINT customers_pkey PRIMARY KEY (id) INCLUDE (name)",
        "customers: customers_pkey is PRIMARY KEY (id) INCLUDE (name), not PRIMARY KEY (id)",
        name="primary",
    ),
    Case(
        "free_names",
        "CREATE TABLE addresses (id integer)",
        "The name addresses is needed, but it is taken: it is a table",
    ),
    Case(
        "free_names",
        "CREATE TABLE auth_user (id integer)",
        "The name auth_user is needed, but it is taken: it is a table",
        name="Django's table",
    ),
    Case(
        "free_names",
        "CREATE INDEX ix_contacts_id ON shipments (id)",
        "The name ix_contacts_id is needed, but it is taken: it is an index of shipments",
        name="index",
    ),
    Case(
        "free_names",
        "CREATE SEQUENCE addresses_id_seq",
        "The name addresses_id_seq is needed, but it is taken: it is a sequence",
        name="sequence",
    ),
    Case(
        "free_names",
        "ALTER TABLE companies ADD fax varchar(20)",
        "The name fax is needed, but it is taken: companies has such a column",
        name="column",
    ),
    Case(
        "free_names",
        "ALTER TABLE customers ADD CONSTRAINT ck_contacts_phone_format CHECK (phone <> '')",
        "The name ck_contacts_phone_format is needed, but it is taken: it is a constraint of "
        "customers",
        name="constraint",
    ),
    Case(
        "free_names",
        "CREATE INDEX uq_companies_one_default_per_tenant ON companies (tenant_id)",
        "The name uq_companies_one_default_per_tenant is needed, but it is taken: it is an index "
        "of companies",
        name="own-index",
    ),
    Case(
        "free_names",
        "CREATE FUNCTION trg_validate_contact_company() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "The name trg_validate_contact_company is needed, but it is taken: it is a function",
        name="function",
    ),
    Case(
        "free_names",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER trg_validate_contact_company BEFORE INSERT ON customers "
        "FOR EACH ROW EXECUTE FUNCTION f()",
        "The name trg_validate_contact_company is needed, but it is taken: it is a trigger of "
        "customers",
        name="trigger",
    ),
    Case(
        "free_names",
        "CREATE TYPE contacts AS ENUM ('none')",
        "The name contacts is needed, but it is taken: it is a type",
        name="type",
    ),
    Case(
        "django_project",
        "CREATE TABLE django_migrations (id serial, app text, name text, applied timestamptz);"
        "INSERT INTO django_migrations (app, name) VALUES ('blog', '0001_initial')",
        "django_migrations records blog.0001_initial: this project has no such app",
    ),
)
