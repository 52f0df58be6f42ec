"""What breaks each check before a rollback: what somebody did to a migrated database."""

from tests.cases.case import Case

VISITS = """
ALTER TABLE contacts ADD CONSTRAINT uq_place UNIQUE (id, company_id);
CREATE TABLE visits (contact_id integer, company_id integer, CONSTRAINT visits_go
    FOREIGN KEY (contact_id, company_id) REFERENCES contacts (id, company_id) {rule});
INSERT INTO visits SELECT id, company_id FROM contacts WHERE id IN (1, 2);
"""
"""Contact 2 was placed by the migration, contact 1 was not."""

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
    Case(
        "legacy_constraints",
        "ALTER TABLE companies DROP CONSTRAINT uq_company_name_per_tenant; "
        "UPDATE companies SET name = 'one' WHERE tenant_id = 1 AND id < 100",
        "2 rows of companies, of which 1, share the tenant_id, name of uq_company_name_per_tenant",
    ),
    Case(
        "legacy_constraints",
        "DROP INDEX ix_orders_order_number; UPDATE orders SET order_number = 'X' WHERE id < 3",
        "2 rows of orders, of which 1, share the order_number of ix_orders_order_number",
    ),
    Case(
        "legacy_constraints",
        "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey CASCADE; "
        "INSERT INTO contacts (id, tenant_id, name, email, company_id) "
        "VALUES (1, 1, 'again', 'again@example.com', 1)",
        "2 rows of customers, of which 1, share the id of customers_pkey",
    ),
    Case(
        "legacy_constraints",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, DISABLE TRIGGER USER; "
        "UPDATE orders SET contact_id = 999 WHERE id = 1; ALTER TABLE orders ENABLE TRIGGER USER",
        "Row 1 of orders breaks orders_customer_id_fkey: no such row in customers",
    ),
    Case(
        "legacy_constraints",
        "ALTER TABLE contacts DROP CONSTRAINT contacts_company_id_fkey, DISABLE TRIGGER USER; "
        "UPDATE contacts SET company_id = 999 WHERE id = 1; "
        "ALTER TABLE contacts ENABLE TRIGGER USER, ADD CONSTRAINT contacts_company_id_fkey "
        "FOREIGN KEY (company_id) REFERENCES companies NOT VALID",
        "Row 1 of customers breaks customers_company_id_fkey: no such row in companies",
    ),
    Case(
        "legacy_constraints",
        "ALTER TABLE contacts ALTER name DROP NOT NULL; UPDATE contacts SET name = NULL "
        "WHERE id = 1",
        "Row 1 of customers has no name",
    ),
    Case(
        "added_constraints",
        "ALTER TABLE contacts ADD CONSTRAINT has_company CHECK (company_id IS NOT NULL)",
        "Constraint has_company will not hold for contact 2",
    ),
    Case(
        "added_constraints",
        'ALTER TABLE contacts ADD CONSTRAINT "in {one}" CHECK (company_id > 0 IS TRUE) NOT VALID',
        "Constraint in {one} will not hold for contact 2",
    ),
    Case(
        "added_constraints",
        "ALTER TABLE contacts ADD double integer NOT NULL "
        "GENERATED ALWAYS AS (company_id % 1000) STORED",
        "The NOT NULL of column double will not hold for contact 2",
    ),
    Case(
        "added_constraints",
        "CREATE UNIQUE INDEX uq_lone ON contacts ((1)) WHERE company_id IS NULL",
        "Unique index uq_lone will not hold for contact 2 and others like it",
    ),
    Case(
        "added_constraints",
        "CREATE UNIQUE INDEX uq_phone ON contacts (tenant_id, company_id, (id - id)) "
        "NULLS NOT DISTINCT WHERE id IN (2, 3) AND company_id IS NULL",
        "Unique index uq_phone will not hold for contact 2 and others like it",
    ),
    Case(
        "added_constraints",
        "ALTER TABLE contacts ADD CONSTRAINT ex EXCLUDE USING btree ((1) WITH =) "
        "WHERE (company_id IS NULL)",
        "Constraint ex will not hold for contact 2 and others like it",
    ),
    Case(
        "added_constraints",
        "ALTER TABLE companies ADD CONSTRAINT uq_both UNIQUE (tenant_id, id); "
        "ALTER TABLE contacts ADD CONSTRAINT fk_both FOREIGN KEY (tenant_id, company_id) "
        "REFERENCES companies (tenant_id, id) MATCH FULL",
        "Constraint fk_both will not hold for contact 2",
    ),
    Case(
        "added_constraints",
        "CREATE UNIQUE INDEX uq_ri ON contacts (company_id, id); "
        "ALTER TABLE contacts REPLICA IDENTITY USING INDEX uq_ri",
        "The replica identity uq_ri on contacts names company_id or email",
    ),
    Case(
        "added_constraints",
        VISITS.format(rule=""),
        "Constraint visits_go on visits refers to contact 2",
    ),
    Case(
        "added_constraints",
        VISITS.format(rule="ON UPDATE CASCADE"),
        "Constraint visits_go on visits refers to contact 2",
    ),
    Case(
        "added_constraints",
        "CREATE DOMAIN firm AS integer CHECK (VALUE IS NOT NULL); "
        "DROP TRIGGER trg_validate_contact_company ON contacts; "
        "ALTER TABLE contacts ALTER company_id TYPE firm",
        "contacts.company_id is of the domain firm, which does not take NULL",
    ),
)
