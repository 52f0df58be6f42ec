-- The wreck of the former Alembic migration, on top of a legacy database: what it had committed
-- when it died. alembic_version still names the revision before it.
CREATE TABLE addresses (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    company_id integer NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
    street_address varchar(255) NOT NULL,
    city varchar(100) NOT NULL,
    state varchar(50) NOT NULL,
    zip_code varchar(20) NOT NULL,
    country varchar(100) NOT NULL DEFAULT 'USA',
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamp without time zone NOT NULL DEFAULT now()
);
CREATE INDEX ix_addresses_id ON addresses (id);
CREATE INDEX ix_addresses_tenant_id ON addresses (tenant_id);
CREATE INDEX ix_addresses_company_id ON addresses (company_id);
CREATE INDEX ix_addresses_company_default ON addresses (company_id, is_default);

ALTER TABLE companies ADD COLUMN fax varchar(50), ADD COLUMN default_address_id integer;
ALTER TABLE companies
    ADD CONSTRAINT fk_companies_default_address
    FOREIGN KEY (default_address_id) REFERENCES addresses (id) ON DELETE SET NULL;

ALTER TABLE customers RENAME TO contacts;
DROP INDEX ix_customers_id, ix_customers_tenant_id, ix_customers_email, ix_customers_company_id;
CREATE INDEX ix_contacts_id ON contacts (id);
CREATE INDEX ix_contacts_tenant_id ON contacts (tenant_id);
CREATE INDEX ix_contacts_email ON contacts (email);
CREATE INDEX ix_contacts_company_id ON contacts (company_id);
ALTER TABLE contacts DROP CONSTRAINT uq_customer_email_per_tenant;
ALTER TABLE contacts
    ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, company_id, email);

-- Those without a company went to a new one in their tenant.
INSERT INTO companies (tenant_id, name)
SELECT DISTINCT tenant_id, 'Default Company' FROM contacts WHERE company_id IS NULL;
UPDATE contacts SET company_id = companies.id
  FROM companies
 WHERE contacts.company_id IS NULL
   AND companies.tenant_id = contacts.tenant_id AND companies.name = 'Default Company';
ALTER TABLE contacts ALTER COLUMN company_id SET NOT NULL;

-- orders got the column, filled where there is a customer, and kept customer_id.
ALTER TABLE orders ADD COLUMN company_id integer;
UPDATE orders SET company_id = contacts.company_id
  FROM contacts WHERE orders.customer_id = contacts.id;
