"""What makes each check before the migration warn, without stopping the run."""

from tests.cases.checks.case import Case
from tests.cases.legacy_rows import ORPHAN

HISTORY = """
CREATE TABLE history AS SELECT now() AS at, customers.* FROM customers WHERE false;
CREATE FUNCTION history() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO history SELECT now(), {row}; RETURN NULL; END';
CREATE TRIGGER keep AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION history();
"""
JOBS = """
CREATE SCHEMA cron CREATE TABLE job (
    jobid bigint, command text, database text DEFAULT current_database(), jobname text);
INSERT INTO cron.job (jobid, command, jobname) VALUES (1, 'VACUUM orders', 'tidy'),
    (2, 'DELETE FROM customers', 'nightly'), (3, 'SELECT customer_id FROM orders', NULL);
INSERT INTO cron.job (jobid, command, database) VALUES (4, 'SELECT * FROM customers', 'other');
"""
"""What pg_cron keeps, as far as it is read: a job may have no name, or be of another database."""

WARNINGS = (
    Case("orphaned_customers", ORPHAN, "Customer 13 (tenant 1) has no company", query=True),
    Case(
        "duplicate_emails",
        "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;"
        "INSERT INTO customers (id, tenant_id, name, email, company_id)"
        " VALUES (14, 1, 'twin', 'ada@example.com', 1), (15, 1, 'other', 'ada@example.com', NULL)",
        "Customer 11 keeps its e-mail; 2 customers of tenant 1 share it in one company",
        query=True,
    ),
    Case(
        "duplicate_emails",
        "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;"
        "UPDATE companies SET name = 'Default Company'; INSERT INTO customers (id, tenant_id, name,"
        " email) VALUES (9, 1, 'lands with Ada', 'ada@example.com')",
        "Customer 9 keeps its e-mail; 2 customers of tenant 1 share it in one company",
        query=True,
        name="landing",
    ),
    Case(
        "ck_contacts_email_format",
        "UPDATE customers SET email = 'ada at example.com' WHERE id = 11",
        "Row 11 of customers (tenant 1) breaks ck_contacts_email_format",
        query=True,
    ),
    Case(
        "ck_contacts_phone_format",
        "UPDATE customers SET phone = '12345678é'",
        "Row 11 of customers (tenant 1) breaks ck_contacts_phone_format",
        count=2,
        query=True,
    ),
    Case(
        "ck_companies_email_format",
        "UPDATE companies SET email = '' WHERE id = 2",
        "Row 2 of companies (tenant 2) breaks ck_companies_email_format",
        query=True,
    ),
    Case(
        "ck_companies_phone_format",
        "UPDATE companies SET phone = '' WHERE id = 2",
        "Row 2 of companies (tenant 2) breaks ck_companies_phone_format",
        query=True,
    ),
    Case(
        "ck_companies_phone_format",
        "UPDATE companies SET phone = '', updated_at = '0044-03-15 BC' WHERE id = 2",
        "Row 2 of companies (tenant 2) breaks ck_companies_phone_format",
        name="beside a date that Python cannot hold",
    ),
    Case(
        "other_creators",
        "GRANT CREATE ON SCHEMA public TO pg_monitor",
        "pg_monitor may create in schema public: "
        'REVOKE CREATE ON SCHEMA "public" FROM "pg_monitor"',
    ),
    Case(
        "other_creators",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        'PUBLIC may create in schema public: REVOKE CREATE ON SCHEMA "public" FROM PUBLIC',
        name="everybody",
    ),
    Case(
        "missing_defaults",
        "ALTER TABLE companies ALTER created_at DROP DEFAULT",
        "companies.created_at has no default (now() is expected): a row that is written without it "
        "holds NULL there",
    ),
    Case(
        "missing_defaults",
        "ALTER TABLE customers ALTER id DROP DEFAULT; ALTER TABLE orders ALTER status DROP DEFAULT",
        "customers.id has no default (the next number of a sequence is expected): a row that is "
        "written without it is refused",
        count=2,
        name="key",
    ),
    Case(
        "drift",
        "DROP INDEX ix_orders_tenant_id",
        "orders: index ix_orders_tenant_id is missing: USING btree (tenant_id)",
    ),
    Case(
        "drift",
        "ALTER INDEX ix_orders_tenant_id RENAME TO orders_by_tenant",
        "orders: index ix_orders_tenant_id is called orders_by_tenant",
        name="renamed",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM customers'",
        "Function f() names customers or customer_id in its text",
    ),
    Case(
        "dependents",
        "CREATE VIEW people AS SELECT name FROM customers",
        "View people reads customers or orders; it follows the new names",
        name="view",
    ),
    Case(
        "whole_rows",
        HISTORY.format(row="OLD.*"),
        "Trigger keep on customers: function history() uses all columns of a row (OLD.* or NEW.*), "
        "which gets placed_in_company_id, email_set_aside",
    ),
    Case(
        "whole_rows",
        HISTORY.format(row="(old) . *"),
        "Trigger keep on customers: function history() uses all columns of a row",
        name="in parentheses",
    ),
    Case(
        "whole_rows",
        'CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS \'DECLARE o "orders" %RowType; '
        "BEGIN RETURN 1; END'",
        "Function f() uses the row type of orders, which gets company_id",
        name="row type",
    ),
    Case(
        "whole_rows",
        "CREATE FUNCTION f(companies) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "Function f(companies) uses the row type of companies, which gets fax, default_address_id, "
        "is_default",
        name="argument",
    ),
    Case(
        "user_triggers",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()",
        "Trigger touch on orders does not see the restructuring",
    ),
    Case(
        "user_triggers",
        "CREATE RULE keep AS ON DELETE TO orders DO INSTEAD NOTHING",
        "Rule keep on orders does not see the restructuring",
        name="rule",
    ),
    Case("publications", "CREATE PUBLICATION feed FOR TABLE orders", "feed replicates orders"),
    Case(
        "event_triggers",
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION f();"
        "CREATE EVENT TRIGGER off ON sql_drop EXECUTE FUNCTION f();"
        "ALTER EVENT TRIGGER off DISABLE",
        "Event trigger audit runs f at ddl_command_end of the run's statements",
    ),
    Case("scheduled_jobs", JOBS, "Job nightly of pg_cron names customers or customer_id", count=2),
    Case(
        "alembic_version",
        "CREATE SCHEMA app; ALTER TABLE alembic_version SET SCHEMA app",
        "Alembic keeps a record in schema app, which is not in the search path",
        name="elsewhere",
    ),
    Case("alembic_version", "", "Alembic manages this database, at 002_remove_deprecated"),
)
