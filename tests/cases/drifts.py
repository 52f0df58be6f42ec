"""Ways in which a production database differs from the legacy schema, all of them harmless."""

SQL = {
    "extra columns": """
        ALTER TABLE customers ADD tags text[] DEFAULT '{a,b}', ADD notes jsonb,
            ADD "50%s" integer DEFAULT 50, ADD shout text GENERATED ALWAYS AS (upper(name)) STORED;
        ALTER TABLE orders ADD "odd ""name" xml, ADD "a%b" text DEFAULT '%',
            ADD total double precision GENERATED ALWAYS AS (price * quantity) STORED;
        ALTER TABLE companies ADD problems json, ADD branch varchar NOT NULL DEFAULT 'x',
            ADD "c%(d)s" date;
        UPDATE customers SET notes = '{"a": [1, "ü"]}', tags = '{"x y",NULL}';""",
    "missing indexes": """
        DROP INDEX ix_customers_email; DROP INDEX ix_customers_company_id;
        DROP INDEX ix_orders_customer_id; DROP INDEX ix_orders_order_number;
        DROP INDEX ix_companies_id; DROP INDEX ix_companies_tenant_id""",
    "renamed objects": """
        ALTER TABLE customers RENAME CONSTRAINT customers_pkey TO pk_customers;
        ALTER TABLE customers RENAME CONSTRAINT customers_company_id_fkey TO fk_company;
        ALTER TABLE orders RENAME CONSTRAINT orders_customer_id_fkey TO "FK of customers";
        ALTER TABLE customers RENAME CONSTRAINT uq_customer_email_per_tenant TO uq_email;
        ALTER TABLE companies RENAME CONSTRAINT uq_company_name_per_tenant TO uq_name;
        ALTER INDEX ix_orders_id RENAME TO "Orders' index";
        ALTER SEQUENCE customers_id_seq RENAME TO customer_ids""",
    "swapped names": """
        ALTER INDEX ix_orders_id RENAME TO waiting;
        ALTER INDEX ix_orders_tenant_id RENAME TO ix_orders_id;
        ALTER INDEX waiting RENAME TO ix_orders_tenant_id""",
    "unique index instead of the constraint": """
        ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;
        CREATE UNIQUE INDEX uq_customer_email_per_tenant ON customers (tenant_id, email)""",
    "no unique constraint": """
        ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;
        ALTER TABLE companies DROP CONSTRAINT uq_company_name_per_tenant""",
    "cascading keys": """
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey,
            ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id)
            REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE;
        ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey,
            ADD CONSTRAINT customers_company_id_fkey FOREIGN KEY (company_id)
            REFERENCES companies ON DELETE SET NULL;
        ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_fkey,
            ADD CONSTRAINT customers_tenant_id_fkey FOREIGN KEY (tenant_id)
            REFERENCES tenants ON DELETE CASCADE""",
    "deferred keys": """
        ALTER TABLE customers ALTER CONSTRAINT customers_company_id_fkey
            DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE companies ALTER CONSTRAINT companies_tenant_id_fkey
            DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE orders ALTER CONSTRAINT orders_customer_id_fkey
            DEFERRABLE INITIALLY DEFERRED;
        ALTER TABLE shipments ALTER CONSTRAINT shipments_order_id_fkey
            DEFERRABLE INITIALLY DEFERRED""",
    "keys that are not valid": """
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey,
            ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id)
            REFERENCES customers NOT VALID;
        ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_fkey,
            ADD CONSTRAINT customers_tenant_id_fkey FOREIGN KEY (tenant_id)
            REFERENCES tenants NOT VALID""",
    "no keys": """
        ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey,
            DROP CONSTRAINT orders_tenant_id_fkey;
        ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey,
            DROP CONSTRAINT customers_tenant_id_fkey;
        ALTER TABLE companies DROP CONSTRAINT companies_tenant_id_fkey""",
    "doubled objects": """
        ALTER TABLE orders ADD CONSTRAINT second_key FOREIGN KEY (customer_id)
            REFERENCES customers;
        CREATE INDEX second_index ON orders (customer_id)""",
    "nullable columns": """
        ALTER TABLE customers ALTER tenant_id DROP NOT NULL, ALTER name DROP NOT NULL,
            ALTER email DROP NOT NULL;
        ALTER TABLE orders ALTER customer_name DROP NOT NULL, ALTER tenant_id DROP NOT NULL;
        ALTER TABLE companies ALTER name DROP NOT NULL""",
    "required customers": "ALTER TABLE orders ALTER customer_id SET NOT NULL",
    "an index that was never finished": """
        UPDATE pg_index SET indisvalid = false
         WHERE indexrelid = 'ix_orders_tenant_id'::regclass""",
    "no primary key": """
        ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE""",
    "other text types": """
        ALTER TABLE customers ALTER name TYPE varchar(400), ALTER phone TYPE text;
        ALTER TABLE companies ALTER address TYPE varchar""",
    "storage": """
        ALTER TABLE orders SET (fillfactor = 70); ALTER TABLE orders CLUSTER ON ix_orders_id;
        ALTER TABLE customers REPLICA IDENTITY FULL; COMMENT ON TABLE customers IS 'people';
        COMMENT ON COLUMN customers.email IS 'where to write';
        COMMENT ON INDEX ix_customers_email IS 'fast'""",
    "identity key": """
        ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq;
        ALTER TABLE companies ALTER id ADD GENERATED ALWAYS AS IDENTITY (RESTART WITH 5000)""",
    "constraints and indexes of others": """
        ALTER TABLE customers ADD CONSTRAINT placed CHECK (company_id > 0) NOT VALID;
        CREATE INDEX half ON orders (price);
        UPDATE pg_index SET indisvalid = false
         WHERE indexrelid IN ('half'::regclass, 'ix_customers_email'::regclass)""",
    "a default that breaks a rule": "ALTER TABLE companies ALTER phone SET DEFAULT 'none'",
    "key without a sequence": """
        ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq""",
}
SCHEMA = (
    "missing indexes",
    "renamed objects",
    "swapped names",
    "unique index instead of the constraint",
    "no unique constraint",
    "cascading keys",
    "deferred keys",
    "keys that are not valid",
    "no keys",
    "no primary key",
    "required customers",
    "an index that was never finished",
    "nullable columns",
)
"""Those after which the restructured tables have to be exactly the target."""
