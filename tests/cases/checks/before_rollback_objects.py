"""What breaks the checks before a rollback of names and of what others have built."""

from tests.cases.checks.case import Case

OBJECT_BLOCKERS = (
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
        "FOR EACH ROW EXECUTE FUNCTION trg_prevent_company_deletion()",
        "Trigger mine on table contacts depends on function trg_prevent_company_deletion",
    ),
    Case(
        "dependents",
        "ALTER TRIGGER trg_validate_contact_company ON contacts RENAME TO renamed",
        "Trigger renamed on table contacts depends on function trg_validate_contact_company",
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
)
