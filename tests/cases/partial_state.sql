-- What the former Alembic migration has committed when it dies, to be run on the legacy schema with
-- its rows: a new table, new columns, customers renamed and placed; orders still with customer_id.

-- The new table, empty
CREATE TABLE addresses (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL,
    company_id integer NOT NULL,
    street_address character varying(255) NOT NULL,
    city character varying(100) NOT NULL,
    state character varying(50) NOT NULL,
    zip_code character varying(20) NOT NULL,
    country character varying(100) DEFAULT 'USA' NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    created_at timestamp without time zone DEFAULT now() NOT NULL,
    FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE CASCADE
);
CREATE INDEX ix_addresses_id ON addresses USING btree (id);
CREATE INDEX ix_addresses_tenant_id ON addresses USING btree (tenant_id);
CREATE INDEX ix_addresses_company_id ON addresses USING btree (company_id);
CREATE INDEX ix_addresses_company_default ON addresses USING btree (company_id, is_default);

-- Companies can have a fax number and a default address
ALTER TABLE companies ADD fax character varying(50);
ALTER TABLE companies ADD default_address_id integer
    CONSTRAINT fk_companies_default_address REFERENCES addresses (id) ON DELETE SET NULL;

-- The table of customers is renamed; its indexes are made anew, its sequence and keys are forgotten
ALTER TABLE customers RENAME TO contacts;
DROP INDEX ix_customers_company_id;
DROP INDEX ix_customers_email;
DROP INDEX ix_customers_id;
DROP INDEX ix_customers_tenant_id;
CREATE INDEX ix_contacts_company_id ON contacts USING btree (company_id);
CREATE INDEX ix_contacts_email ON contacts USING btree (email);
CREATE INDEX ix_contacts_id ON contacts USING btree (id);
CREATE INDEX ix_contacts_tenant_id ON contacts USING btree (tenant_id);
ALTER TABLE contacts
    DROP CONSTRAINT uq_customer_email_per_tenant,
    ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, company_id, email);

-- Whoever had no company gets one, new in each tenant that needs it
INSERT INTO companies (tenant_id, name)
     SELECT tenant_id, 'Default Company' FROM contacts WHERE company_id IS NULL GROUP BY tenant_id;
UPDATE contacts
   SET company_id = made.id
  FROM companies AS made
 WHERE contacts.company_id IS NULL
   AND (made.tenant_id, made.name) = (contacts.tenant_id, 'Default Company');
ALTER TABLE contacts ALTER company_id SET NOT NULL;

-- Orders know their customer's company: no key, no index, and NULL where there is no customer
ALTER TABLE orders ADD company_id integer;
UPDATE orders SET company_id = (SELECT company_id FROM contacts WHERE contacts.id = customer_id)
 WHERE customer_id IS NOT NULL;
