-- B: the restructuring the obvious way, one statement for one thing, in one transaction. Columns are
-- filled by UPDATE with every index in place; indexes and constraints are made one by one.
-- addresses.sql runs before it, the migrations' triggers after it.

ALTER TABLE companies ADD COLUMN fax varchar(50);
ALTER TABLE companies ADD COLUMN default_address_id integer;
ALTER TABLE companies ADD COLUMN is_default boolean DEFAULT false NOT NULL;

ALTER TABLE customers RENAME TO contacts;
ALTER TABLE contacts ALTER COLUMN email DROP NOT NULL;
ALTER TABLE contacts ADD COLUMN placed_in_company_id integer;
ALTER TABLE contacts ADD COLUMN email_set_aside varchar;

UPDATE companies SET is_default = true
 WHERE id IN (SELECT min(id) FROM companies
               WHERE name = 'Default Company'
                 AND tenant_id IN (SELECT tenant_id FROM contacts WHERE company_id IS NULL
                                   UNION SELECT tenant_id FROM orders WHERE customer_id IS NULL)
               GROUP BY tenant_id);
INSERT INTO companies (tenant_id, name, is_default)
SELECT tenant_id, 'Default Company', true
  FROM (SELECT tenant_id FROM contacts WHERE company_id IS NULL
        UNION SELECT tenant_id FROM orders WHERE customer_id IS NULL) needing
 WHERE NOT EXISTS (SELECT 1 FROM companies
                    WHERE is_default AND companies.tenant_id = needing.tenant_id)
 ORDER BY tenant_id;

UPDATE contacts SET company_id = companies.id, placed_in_company_id = companies.id
  FROM companies
 WHERE contacts.company_id IS NULL
   AND companies.is_default AND companies.tenant_id = contacts.tenant_id;
UPDATE contacts SET email_set_aside = contacts.email, email = NULL
  FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id, company_id, email ORDER BY id) AS place
          FROM contacts) ranked
 WHERE ranked.id = contacts.id AND ranked.place > 1;
ALTER TABLE contacts ALTER COLUMN company_id SET NOT NULL;

ALTER TABLE orders RENAME COLUMN customer_id TO contact_id;
ALTER TABLE orders ALTER COLUMN customer_name DROP NOT NULL;
ALTER TABLE orders ADD COLUMN company_id integer;
UPDATE orders SET company_id = contacts.company_id FROM contacts WHERE contacts.id = orders.contact_id;
UPDATE orders SET company_id = companies.id
  FROM companies
 WHERE orders.contact_id IS NULL
   AND companies.is_default AND companies.tenant_id = orders.tenant_id;
ALTER TABLE orders ALTER COLUMN company_id SET NOT NULL;

ALTER SEQUENCE customers_id_seq RENAME TO contacts_id_seq;
ALTER INDEX customers_pkey RENAME TO contacts_pkey;
ALTER INDEX ix_customers_id RENAME TO ix_contacts_id;
ALTER INDEX ix_customers_tenant_id RENAME TO ix_contacts_tenant_id;
ALTER INDEX ix_customers_email RENAME TO ix_contacts_email;
ALTER INDEX ix_customers_company_id RENAME TO ix_contacts_company_id;
ALTER INDEX ix_orders_customer_id RENAME TO ix_orders_contact_id;
ALTER TABLE contacts RENAME CONSTRAINT customers_tenant_id_fkey TO contacts_tenant_id_fkey;
ALTER TABLE contacts RENAME CONSTRAINT customers_company_id_fkey TO contacts_company_id_fkey;

CREATE INDEX ix_contacts_tenant_company ON contacts (tenant_id, company_id);
CREATE INDEX ix_orders_company_id ON orders (company_id);
CREATE INDEX ix_orders_tenant_company ON orders (tenant_id, company_id);
CREATE INDEX ix_orders_tenant_contact ON orders (tenant_id, contact_id);
CREATE UNIQUE INDEX uq_companies_one_default_per_tenant ON companies (tenant_id) WHERE is_default;

ALTER TABLE contacts DROP CONSTRAINT uq_customer_email_per_tenant;
ALTER TABLE contacts ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, company_id, email);
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
ALTER TABLE orders ADD CONSTRAINT fk_orders_contact
    FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE SET NULL;
ALTER TABLE orders ADD CONSTRAINT fk_orders_company
    FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT;
ALTER TABLE companies ADD CONSTRAINT fk_companies_default_address
    FOREIGN KEY (default_address_id) REFERENCES addresses (id) ON DELETE SET NULL;
ALTER TABLE companies ADD CONSTRAINT ck_companies_fax_format CHECK (length(fax) >= 10);
