"""What breaks the checks before a rollback of keys and rules: rows, and what refers to them."""

from tests.cases.checks.case import Case

VISITS = """
ALTER TABLE contacts ADD CONSTRAINT uq_place UNIQUE (id, company_id);
CREATE TABLE visits (contact_id integer, company_id integer, CONSTRAINT visits_go
    FOREIGN KEY (contact_id, company_id) REFERENCES contacts (id, company_id) {rule});
INSERT INTO visits SELECT id, company_id FROM contacts WHERE id IN (1, 2);
"""
"""Contact 2 was placed by the migration, contact 1 was not."""

CONSTRAINT_BLOCKERS = (
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
