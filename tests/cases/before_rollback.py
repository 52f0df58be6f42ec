"""What somebody does to a migrated database so that --rollback refuses: SQL, and what it says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """What somebody did after the migration, the check that it fails, and what is said of it."""

    id: str
    sql: str
    told: str

    def __str__(self) -> str:
        return f"{self.id}: {self.told}"


CASES = (
    Case(
        "columns",
        "ALTER TABLE contacts DROP COLUMN placed_in_company_id",
        "contacts has no column placed_in_company_id",
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
        "dependents",
        "CREATE VIEW placed AS SELECT id FROM contacts WHERE placed_in_company_id IS NOT NULL",
        "View placed depends on contacts.placed_in_company_id",
    ),
    Case(
        "dependents",
        "CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) FROM addresses GROUP BY city",
        "Materialized view cities depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM contacts'",
        "Function f() names contacts",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql "
        "BEGIN ATOMIC SELECT count(company_id) FROM orders; END",
        "Function g() depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION h(addresses) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "Function h(addresses) depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE TABLE letters (address_id integer CONSTRAINT letters_go REFERENCES addresses "
        "ON DELETE CASCADE)",
        "Constraint letters_go on table letters depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE TABLE old_homes (home addresses[])",
        "Column home of table old_homes depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE INDEX by_month ON orders (company_id, due_date)",
        "Index by_month depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE POLICY mine ON orders USING (company_id > 0)",
        "Policy mine on table orders depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER t AFTER UPDATE OF fax ON companies FOR EACH ROW EXECUTE FUNCTION no()",
        "Trigger t on table companies depends on companies.fax",
    ),
    Case(
        "dependents",
        "CREATE PUBLICATION p FOR TABLE orders (id, company_id)",
        "Publication of table orders in publication p depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE TABLE places (id integer DEFAULT nextval('addresses_id_seq'))",
        "Default value for column id of table places depends on addresses_id_seq",
    ),
    Case(
        "dependents",
        "CREATE VIEW last_address AS SELECT last_value FROM addresses_id_seq",
        "View last_address depends on addresses_id_seq",
    ),
    Case(
        "dependents",
        "CREATE TRIGGER mine BEFORE DELETE ON contacts "
        "FOR EACH ROW EXECUTE FUNCTION prevent_company_deletion()",
        "Trigger mine on table contacts depends on function prevent_company_deletion",
    ),
    Case(
        "dependents",
        "ALTER TRIGGER trg_validate_contact_company ON contacts RENAME TO renamed",
        "Trigger renamed on table contacts depends on function validate_contact_company",
    ),
    Case(
        "legacy_names",
        "CREATE INDEX ix_customers_email ON users (email)",
        "The name ix_customers_email is needed, but it is taken: it is an index of users",
    ),
    Case(
        "legacy_names",
        "CREATE INDEX ix_customers_email ON contacts (name)",
        "The name ix_customers_email is needed, but it is taken: it is an index of contacts",
    ),
    Case(
        "legacy_names",
        "CREATE INDEX renamed_by_hand ON companies (name)",
        "The name renamed_by_hand is needed, but it is taken: it is an index of companies",
    ),
    Case(
        "legacy_names",
        "ALTER TABLE contacts ADD CONSTRAINT customers_tenant_id_fkey CHECK (tenant_id > 0)",
        "The name customers_tenant_id_fkey is needed, but it is taken: it is a constraint of "
        "contacts",
    ),
    Case(
        "legacy_names",
        "CREATE TABLE members (id integer CONSTRAINT customers_pkey PRIMARY KEY)",
        "The name customers_pkey is needed, but it is taken: it is an index of members",
    ),
    Case(
        "legacy_names",
        "CREATE SEQUENCE customers_id_seq OWNED BY contacts.name",
        "The name customers_id_seq is needed, but it is taken: it is a sequence",
    ),
    Case(
        "legacy_names",
        "CREATE SEQUENCE customers",
        "The name customers is needed, but it is taken: it is a sequence",
    ),
    Case(
        "legacy_names",
        "CREATE VIEW customers AS SELECT id, name FROM contacts",
        "The name customers is needed, but it is taken: it is a view",
    ),
    Case(
        "legacy_names",
        "CREATE TYPE customers AS ENUM ('none')",
        "The name customers is needed, but it is taken: it is a type",
    ),
    Case(
        "legacy_names",
        "CREATE TYPE customers AS (a integer)",
        "The name customers is needed, but it is taken: it is a composite type",
    ),
    Case(
        "legacy_names",
        "ALTER TABLE orders ADD customer_id integer",
        "The name customer_id is needed, but it is taken: orders has such a column",
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
)
