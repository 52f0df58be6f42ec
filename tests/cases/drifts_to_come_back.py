"""What a legacy database had drifted to before its migration, and a rollback brings back."""

from tests.cases import awkward

UNIQUE = "ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;"


DRIFT = {
    "nothing": "",
    "missing indexes": """
        DROP INDEX ix_customers_email, ix_customers_id, ix_orders_customer_id, ix_orders_id,
                   ix_companies_tenant_id, ix_orders_order_number""",
    "missing foreign keys": """
        ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey,
                              DROP CONSTRAINT customers_tenant_id_fkey;
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
        ALTER TABLE companies DROP CONSTRAINT companies_tenant_id_fkey""",
    "missing keys": "ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE",
    "ids that may be NULL": """
        ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE;
        ALTER TABLE orders ALTER id DROP NOT NULL, ADD UNIQUE (id)""",
    "missing unique e-mails": f"{awkward.DUPLICATES}",
    "missing unique company names": """
        ALTER TABLE companies DROP CONSTRAINT uq_company_name_per_tenant;
        INSERT INTO companies (id, tenant_id, name) VALUES (5, 2, 'another')""",
    "other names": """
        ALTER INDEX ix_customers_email RENAME TO "idx Customers.email";
        ALTER INDEX ix_orders_customer_id RENAME TO "contacts_pkey2";
        ALTER TABLE customers RENAME CONSTRAINT customers_pkey TO "PK";
        ALTER TABLE customers RENAME CONSTRAINT customers_company_id_fkey TO fk_9f2c;
        ALTER TABLE orders RENAME CONSTRAINT orders_customer_id_fkey TO fk_orders_customers;
        ALTER TABLE customers RENAME CONSTRAINT uq_customer_email_per_tenant TO "E-mails %s";
        ALTER SEQUENCE customers_id_seq RENAME TO "Customers seq" """,
    "names that swapped": """
        ALTER INDEX ix_customers_email RENAME TO x;
        ALTER INDEX ix_customers_company_id RENAME TO ix_customers_email;
        ALTER INDEX x RENAME TO ix_customers_company_id""",
    "names of the target": """
        ALTER INDEX ix_customers_email RENAME TO ix_contacts_company_id;
        ALTER INDEX ix_orders_customer_id RENAME TO ix_orders_tenant_contact;
        ALTER TABLE orders RENAME CONSTRAINT orders_customer_id_fkey TO fk_orders_contact""",
    "words of the target": """
        CREATE SCHEMA crm CREATE TABLE contacts (id integer PRIMARY KEY);
        ALTER TABLE companies ADD contact_id integer;
        CREATE INDEX ix_companies_contact_id ON companies (contact_id);
        ALTER TABLE customers ADD contact_id serial, ADD crm integer REFERENCES crm.contacts,
            ADD CHECK (phone <> 'contacts');
        ALTER TABLE orders ADD CHECK (customer_id > 0 OR order_number <> 'contact_id')""",
    "keys of other tables": """
        CREATE TABLE regions (a varchar, b integer, PRIMARY KEY (b, a), UNIQUE (b) INCLUDE (a));
        CREATE UNIQUE INDEX ON regions (a COLLATE "C");
        ALTER TABLE customers ADD a varchar REFERENCES regions (a), ADD b integer,
            ADD FOREIGN KEY (a, b) REFERENCES regions (a, b);
        CREATE TABLE areas (a integer, b integer, PRIMARY KEY (a) INCLUDE (b));
        ALTER TABLE orders ADD area integer REFERENCES areas (a)""",
    "referred e-mails": """
        ALTER TABLE customers ADD UNIQUE (email);
        CREATE TABLE letters (email varchar REFERENCES customers (email));
        INSERT INTO letters SELECT email FROM customers""",
    "a rule on a generated column": """
        ALTER TABLE customers ADD changing integer GENERATED ALWAYS AS (coalesce(company_id, -1))
            STORED, ADD CHECK (changing = coalesce(company_id, -1))""",
    "twice the same": """
        CREATE INDEX again ON customers (email);
        CREATE INDEX "and again" ON customers (email);
        ALTER TABLE customers ADD CONSTRAINT again FOREIGN KEY (company_id)
            REFERENCES companies (id);
        ALTER TABLE customers ADD CONSTRAINT uq_again UNIQUE (email, tenant_id);
        ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (customer_id)
            REFERENCES customers (id) ON DELETE SET NULL""",
    "comments": """
        COMMENT ON TABLE customers IS 'people';
        COMMENT ON COLUMN customers.email IS 'e''mail';
        COMMENT ON INDEX ix_customers_email IS 'by e-mail';
        COMMENT ON INDEX uq_customer_email_per_tenant IS 'the index behind it';
        COMMENT ON CONSTRAINT uq_customer_email_per_tenant ON customers IS 'one "each" %s';
        COMMENT ON CONSTRAINT orders_customer_id_fkey ON orders IS 'who ordered';
        COMMENT ON CONSTRAINT customers_company_id_fkey ON customers IS E'two\\nlines';
        COMMENT ON SEQUENCE customers_id_seq IS 'ids';
        COMMENT ON INDEX ix_orders_customer_id IS 'orders of'""",
    "clustered on an index": """
        ALTER TABLE customers CLUSTER ON ix_customers_company_id;
        ALTER TABLE orders CLUSTER ON ix_orders_customer_id""",
    "clustered on what goes": "ALTER TABLE customers CLUSTER ON uq_customer_email_per_tenant",
    "replica identity": """
        ALTER TABLE customers REPLICA IDENTITY FULL;
        ALTER TABLE companies REPLICA IDENTITY USING INDEX uq_company_name_per_tenant;
        ALTER TABLE orders REPLICA IDENTITY USING INDEX ix_orders_order_number""",
    "replica identity on what goes": """
        ALTER TABLE customers REPLICA IDENTITY USING INDEX uq_customer_email_per_tenant""",
    "deferrable keys": """
        ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey,
            ADD CONSTRAINT customers_company_id_fkey FOREIGN KEY (company_id)
            REFERENCES companies (id) DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE companies DROP CONSTRAINT companies_tenant_id_fkey,
            ADD CONSTRAINT companies_tenant_id_fkey FOREIGN KEY (tenant_id)
            REFERENCES tenants (id) DEFERRABLE;
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey,
            ADD CONSTRAINT "orders->customers" FOREIGN KEY (customer_id)
            REFERENCES customers (id) ON UPDATE CASCADE ON DELETE CASCADE
            DEFERRABLE INITIALLY DEFERRED""",
    "keys not valid": """
        ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey,
            ADD CONSTRAINT customers_company_id_fkey FOREIGN KEY (company_id)
            REFERENCES companies (id) NOT VALID;
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey,
            ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id)
            REFERENCES customers (id) ON DELETE CASCADE NOT VALID""",
    "not null": """
        ALTER TABLE customers ALTER name DROP NOT NULL;
        ALTER TABLE companies ALTER phone SET DEFAULT 'none at all';
        ALTER TABLE orders ALTER customer_name DROP NOT NULL""",
    "nullable e-mails": "ALTER TABLE customers ALTER email DROP NOT NULL",
    "every company known": """
        UPDATE customers SET company_id = 1 WHERE tenant_id = 1;
        UPDATE customers SET company_id = 7 WHERE tenant_id = 2;
        UPDATE customers SET company_id = 2147483000 WHERE tenant_id = 4;
        ALTER TABLE customers ALTER company_id SET NOT NULL""",
    "every customer known": """
        DELETE FROM shipments; DELETE FROM manufacturing_steps;
        DELETE FROM orders WHERE customer_id IS NULL;
        ALTER TABLE orders ALTER customer_id SET NOT NULL""",
    "storage parameters": f"""
        ALTER INDEX ix_customers_email SET (fillfactor = 70);
        ALTER INDEX ix_orders_customer_id SET (fillfactor = 71);
        ALTER TABLE customers SET (fillfactor = 80, autovacuum_enabled = false);
        {UNIQUE}
        ALTER TABLE customers ADD CONSTRAINT uq_customer_email_per_tenant
            UNIQUE (tenant_id, email) WITH (fillfactor = 72)""",
    "unique e-mails by an index": f"""
        {UNIQUE} CREATE UNIQUE INDEX uq_customer_email_per_tenant
            ON customers (tenant_id, email) WITH (fillfactor = 66)""",
    "unique e-mails deferrable": f"""
        {UNIQUE} ALTER TABLE customers ADD CONSTRAINT uq_customer_email_per_tenant
            UNIQUE (tenant_id, email) DEFERRABLE INITIALLY DEFERRED""",
    "unique e-mails with more": f"""
        {UNIQUE} ALTER TABLE customers ADD CONSTRAINT uq_customer_email_per_tenant
            UNIQUE NULLS NOT DISTINCT (tenant_id, email) INCLUDE (name)""",
    "unique e-mails in a company": f"""
        {UNIQUE} ALTER TABLE customers ADD CONSTRAINT uq_customer_email_per_company
            UNIQUE (tenant_id, company_id, email);
        INSERT INTO customers (id, tenant_id, name, email, company_id)
        VALUES (201, 1, 'a second Ada', 'ada@example.com', NULL)""",
    "unique e-mails ignoring case": f"""
        {UNIQUE} CREATE UNIQUE INDEX uq_customer_email_per_tenant
            ON customers (tenant_id, lower(email))""",
    "other indexes": """
        CREATE INDEX "Name, lower" ON customers (lower(name) varchar_pattern_ops DESC NULLS LAST);
        ALTER INDEX "Name, lower" ALTER COLUMN 1 SET STATISTICS 500;
        CREATE INDEX ix_open ON orders (customer_id) INCLUDE (price) WHERE status = 'PENDING';
        CREATE INDEX ix_hash ON customers USING hash (email);
        CREATE UNIQUE INDEX ix_both ON orders (customer_id, order_number) NULLS NOT DISTINCT;
        CREATE STATISTICS of_customers (dependencies) ON tenant_id, company_id FROM customers""",
    "other constraints": """
        ALTER TABLE customers ADD CONSTRAINT ck_name CHECK (name <> 'nobody');
        ALTER TABLE orders ADD CONSTRAINT ck_price CHECK (price <> 17 OR customer_id > 0);
        ALTER TABLE customers ADD CONSTRAINT x EXCLUDE USING btree (id WITH =);
        ALTER TABLE companies ADD CONSTRAINT uq_tenant_id UNIQUE (tenant_id, id);
        ALTER TABLE customers ADD CONSTRAINT fk_both FOREIGN KEY (tenant_id, company_id)
            REFERENCES companies (tenant_id, id)""",
    "extra columns": """
        CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN short AS varchar(9);
        ALTER TABLE customers ADD "Notes %s" jsonb DEFAULT '{"a": null}', ADD gone int,
            ADD mood mood DEFAULT 'glad', ADD tags text[], ADD raw bytea DEFAULT '\\x00ff',
            ADD code short, ADD name_length int GENERATED ALWAYS AS (length(name)) STORED;
        ALTER TABLE customers DROP gone;
        ALTER TABLE orders ADD span int4range DEFAULT '[1,5)', ADD "contact" xml;
        ALTER TABLE companies ADD boss int REFERENCES customers (id) DEFERRABLE;
        UPDATE companies SET boss = 1 WHERE id = 1;
        COMMENT ON COLUMN customers.mood IS 'today''s'""",
    "triggers": """
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN NEW.updated_at := ''2000-01-01''; RETURN NEW; END';
        CREATE TRIGGER a BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TRIGGER b BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TRIGGER c BEFORE UPDATE OF customer_id ON orders
            FOR EACH ROW WHEN (OLD.customer_id > 0) EXECUTE FUNCTION touch();
        CREATE TRIGGER d BEFORE INSERT OR UPDATE OR DELETE ON companies
            FOR EACH ROW EXECUTE FUNCTION touch();
        ALTER TABLE customers DISABLE TRIGGER b; ALTER TABLE companies ENABLE ALWAYS TRIGGER d;
        ALTER TABLE orders ENABLE REPLICA TRIGGER c""",
    "views, functions and rules": """
        CREATE VIEW v AS SELECT c.*, o.customer_id FROM customers c JOIN orders o
            ON o.customer_id = c.id;
        CREATE MATERIALIZED VIEW m AS SELECT email, company_id FROM customers;
        CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM customers';
        CREATE FUNCTION g() RETURNS SETOF customers LANGUAGE sql
            BEGIN ATOMIC SELECT * FROM customers WHERE company_id IS NULL; END;
        CREATE RULE r AS ON DELETE TO customers DO ALSO SELECT 1""",
    "row security": """
        ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON customers USING (company_id IS NOT NULL) WITH CHECK (email <> '')""",
    "sequences": """
        SELECT setval('customers_id_seq', 17), setval('orders_id_seq', 1, false),
               setval('companies_id_seq', 2147483200, false);
        ALTER SEQUENCE companies_id_seq INCREMENT 7 CACHE 3;
        ALTER SEQUENCE orders_id_seq RESTART 900000""",
    "sequence behind the ids": "SELECT setval('companies_id_seq', 7)",
    "sequence of nobody": "ALTER SEQUENCE customers_id_seq OWNED BY NONE",
    "no default": "ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq",
    "identity": """
        ALTER TABLE customers ALTER id DROP DEFAULT; DROP SEQUENCE customers_id_seq;
        ALTER TABLE customers ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 2147483400);
        ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq;
        ALTER TABLE companies ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START 2147483400)""",
    "publication": "CREATE PUBLICATION p FOR TABLE customers (id, tenant_id, email), orders",
}

NOT_NULL_NAMES = {
    "names of NOT NULL": """
        ALTER TABLE customers RENAME CONSTRAINT customers_email_not_null TO must_have_mail;
        ALTER TABLE customers RENAME CONSTRAINT customers_name_not_null TO "nn name";
        COMMENT ON CONSTRAINT must_have_mail ON customers IS 'said the boss'""",
    "NOT NULL not valid": """
        ALTER TABLE customers ALTER email DROP NOT NULL;
        ALTER TABLE customers ADD CONSTRAINT mail NOT NULL email NOT VALID""",
    "NOT NULL not inherited": """
        ALTER TABLE customers ALTER email DROP NOT NULL;
        ALTER TABLE customers ADD CONSTRAINT mail NOT NULL email NO INHERIT""",
    "keys not enforced": """
        ALTER TABLE orders ALTER CONSTRAINT orders_customer_id_fkey NOT ENFORCED;
        ALTER TABLE customers ALTER CONSTRAINT customers_company_id_fkey NOT ENFORCED""",
    "virtual column": """
        ALTER TABLE customers ADD virtual int GENERATED ALWAYS AS (length(name)) VIRTUAL""",
}
