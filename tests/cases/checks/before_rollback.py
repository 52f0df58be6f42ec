"""What breaks each check before a rollback: what somebody did to a migrated database."""

from tests.cases.checks.before_rollback_constraints import CONSTRAINT_BLOCKERS
from tests.cases.checks.before_rollback_objects import OBJECT_BLOCKERS
from tests.cases.checks.case import Case

BLOCKERS = (
    Case(
        "columns",
        "ALTER TABLE contacts DROP COLUMN placed_in_company_id",
        "contacts has no column placed_in_company_id",
    ),
    Case(
        "columns",
        "ALTER TABLE orders DROP COLUMN customer_name",
        "Another program has dropped customer_name of orders, which record who ordered: add them "
        "again (ALTER TABLE orders ADD customer_name varchar), empty or filled from a backup",
    ),
    Case(
        "every_order_has_name",
        "UPDATE orders SET customer_name = NULL",
        "Order 3 (tenant 1) has neither a customer's name nor a contact to take it of",
    ),
    Case("columns", "ALTER TABLE companies RENAME fax TO telefax", "companies has no column fax"),
    Case(
        "ordinary_tables",
        "CREATE TABLE archive () INHERITS (orders)",
        "archive inherits from orders",
    ),
    Case(
        "ordinary_tables",
        "CREATE TABLE everybody (LIKE contacts) PARTITION BY LIST (tenant_id); "
        "ALTER TABLE everybody ATTACH PARTITION contacts DEFAULT",
        "contacts inherits from everybody",
    ),
    Case(
        "sequences",
        "DROP SEQUENCE contacts_id_seq CASCADE",
        "contacts.id has no sequence of its own; it had customers_id_seq",
    ),
    Case(
        "unique_emails_in_tenant",
        "INSERT INTO contacts (id, tenant_id, name, email, company_id) "
        "VALUES (900, 1, 'Ada again', 'ada@example.com', 8)",
        "2 contacts of tenant 1 have the e-mail of contact 1",
    ),
    Case(
        "every_contact_has_email",
        "INSERT INTO contacts (id, tenant_id, name, company_id) VALUES (900, 1, 'shy', 8)",
        "Contact 900 (tenant 1) has no e-mail",
    ),
    Case(
        "every_order_has_contact",
        "UPDATE contacts_restructuringrun SET legacy_objects = "
        "jsonb_set(legacy_objects, '{orders,not_null,customer_id}', 'true')",
        "Order 3 (tenant 1) has no contact",
    ),
    Case(
        "replaced_keys",
        "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey CASCADE, "
        "ADD CONSTRAINT contacts_pkey PRIMARY KEY (id) INCLUDE (name)",
        "contacts: contacts_pkey is PRIMARY KEY (id) INCLUDE (name), not PRIMARY KEY (id)",
    ),
    Case(
        "replaced_keys",
        "CREATE TABLE letters (t integer, c integer, e varchar, CONSTRAINT letters_go "
        "FOREIGN KEY (t, c, e) REFERENCES contacts (tenant_id, company_id, email))",
        "Constraint letters_go on letters refers to uq_contact_email_per_company, which goes",
    ),
    Case(
        "replaced_keys",
        "ALTER TABLE tenants DROP CONSTRAINT tenants_pkey CASCADE",
        "tenants has no key (id), which companies_tenant_id_fkey refers to",
    ),
    Case(
        "alembic_record",
        "UPDATE alembic_version SET version_num = '004_further'",
        "Alembic's record was stamped 003_elsewhere; now it says 004_further",
    ),
    Case(
        "alembic_record",
        "DROP TABLE alembic_version",
        "Alembic's record was stamped 003_elsewhere; now it says nothing",
    ),
    Case(
        "writable",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
        "current_database()); END $$",
        "default_transaction_read_only is on",
    ),
    Case(
        "replicated_changes",
        "ALTER TABLE contacts REPLICA IDENTITY NOTHING; CREATE PUBLICATION p FOR TABLE contacts",
        'cannot update table "contacts" because it does not have a replica identity',
    ),
    Case(
        "replicated_changes",
        "CREATE PUBLICATION p FOR TABLE contacts (name) WITH (publish = 'update')",
        'cannot update table "contacts". Column list used by the publication',
    ),
    Case(
        "replicated_changes",
        "ALTER TABLE companies DROP CONSTRAINT companies_pkey CASCADE; "
        "CREATE PUBLICATION p FOR TABLE companies",
        'cannot delete from table "companies" because it does not have a replica identity',
    ),
    *CONSTRAINT_BLOCKERS,
    *OBJECT_BLOCKERS,
)
