-- C: the same, as fast as PostgreSQL can do it in one transaction with the tables' identity kept.
-- addresses.sql runs before it, the migrations' triggers after it.
--
-- Of orders every row changes: it is rewritten, not updated, so there are no dead rows, and every
-- index is built once, by sorting.

SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SET LOCAL maintenance_work_mem = '256MB';
SET LOCAL max_parallel_maintenance_workers = 2;

ALTER TABLE companies
    ADD COLUMN fax varchar(50) CONSTRAINT ck_companies_fax_format CHECK (length(fax) >= 10),
    ADD COLUMN default_address_id integer
        CONSTRAINT fk_companies_default_address REFERENCES addresses (id) ON DELETE SET NULL,
    ADD COLUMN is_default boolean DEFAULT false NOT NULL;
CREATE UNIQUE INDEX uq_companies_one_default_per_tenant ON companies (tenant_id) WHERE is_default;

CREATE TEMP TABLE needing ON COMMIT DROP AS
    SELECT tenant_id FROM customers WHERE company_id IS NULL
    UNION SELECT tenant_id FROM orders WHERE customer_id IS NULL;
UPDATE companies SET is_default = true
 WHERE id IN (SELECT min(id) FROM companies
               WHERE name = 'Default Company' AND tenant_id IN (SELECT tenant_id FROM needing)
               GROUP BY tenant_id);
INSERT INTO companies (tenant_id, name, is_default)
SELECT tenant_id, 'Default Company', true FROM needing
 WHERE NOT EXISTS (SELECT 1 FROM companies
                    WHERE is_default AND companies.tenant_id = needing.tenant_id)
 ORDER BY tenant_id;
DROP TABLE needing;

ALTER TABLE customers RENAME TO contacts;
ALTER SEQUENCE customers_id_seq RENAME TO contacts_id_seq;
ALTER INDEX customers_pkey RENAME TO contacts_pkey;
ALTER INDEX ix_customers_id RENAME TO ix_contacts_id;
ALTER INDEX ix_customers_tenant_id RENAME TO ix_contacts_tenant_id;
ALTER INDEX ix_customers_email RENAME TO ix_contacts_email;
ALTER INDEX ix_customers_company_id RENAME TO ix_contacts_company_id;
ALTER INDEX ix_orders_customer_id RENAME TO ix_orders_contact_id;
ALTER TABLE contacts RENAME CONSTRAINT customers_tenant_id_fkey TO contacts_tenant_id_fkey;
ALTER TABLE contacts RENAME CONSTRAINT customers_company_id_fkey TO contacts_company_id_fkey;
ALTER TABLE contacts
    DROP CONSTRAINT uq_customer_email_per_tenant,
    ALTER COLUMN email DROP NOT NULL,
    ADD COLUMN placed_in_company_id integer,
    ADD COLUMN email_set_aside varchar;
ALTER TABLE orders RENAME COLUMN customer_id TO contact_id;
ALTER TABLE orders ALTER COLUMN customer_name DROP NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey, ADD COLUMN company_id integer;

-- One customer in eight has no company: to rewrite all of them takes longer than to update these.
UPDATE contacts SET company_id = companies.id, placed_in_company_id = companies.id
  FROM companies
 WHERE contacts.company_id IS NULL
   AND companies.is_default AND companies.tenant_id = contacts.tenant_id;
UPDATE contacts SET email_set_aside = contacts.email, email = NULL
  FROM (SELECT tenant_id, company_id, email, min(id) AS keeper FROM contacts
         GROUP BY tenant_id, company_id, email HAVING count(*) > 1) shared
 WHERE (contacts.tenant_id, contacts.company_id, contacts.email)
     = (shared.tenant_id, shared.company_id, shared.email)
   AND contacts.id <> shared.keeper;
ALTER TABLE contacts ALTER COLUMN company_id SET NOT NULL;
CREATE INDEX ix_contacts_tenant_company ON contacts (tenant_id, company_id);
ALTER TABLE contacts ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, company_id, email);

-- The rewrite of orders; the server then builds each index anew, by several workers. Dropping
-- the indexes first gains nothing. An array with a NULL in it would make each look-up walk through it.
DO $$
DECLARE
    companies_of_contacts integer[];
    tenants integer[];
    companies integer[];
BEGIN
    SELECT array_agg(company_id ORDER BY id) INTO companies_of_contacts FROM contacts;
    SELECT array_agg(tenant_id ORDER BY tenant_id), array_agg(id ORDER BY tenant_id)
      INTO tenants, companies FROM companies WHERE is_default;
    EXECUTE format(
        'ALTER TABLE orders ALTER COLUMN company_id TYPE integer USING CASE '
        'WHEN contact_id IS NOT NULL THEN (%L::integer[])[width_bucket(contact_id, %L::integer[])] '
        'ELSE (%L::integer[])[width_bucket(tenant_id, %L::integer[])] END, '
        'ALTER COLUMN company_id SET NOT NULL',
        companies_of_contacts, (SELECT array_agg(id ORDER BY id) FROM contacts), companies, tenants);
END
$$;
CREATE INDEX ix_orders_company_id ON orders (company_id);
CREATE INDEX ix_orders_tenant_company ON orders (tenant_id, company_id);
CREATE INDEX ix_orders_tenant_contact ON orders (tenant_id, contact_id);
ALTER TABLE orders
    ADD CONSTRAINT fk_orders_contact FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE SET NULL,
    ADD CONSTRAINT fk_orders_company FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE RESTRICT;
