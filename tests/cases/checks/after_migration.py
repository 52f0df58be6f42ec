"""What breaks each check after the restructuring, and what the check says."""

from tests.cases.checks.case import Case

BEHIND = "SET session_replication_role = replica; "
"""No trigger and no foreign key hears what comes after it."""


ERRORS = (
    Case(
        "bridge",
        "CREATE SCHEMA legacy; CREATE FUNCTION legacy.trg_bridge_write_customer() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "What it remembers for the day it goes is gone: the comment of its write function",
        count=14,
    ),
    Case(
        "contacts_have_companies",
        "ALTER TABLE contacts ALTER company_id DROP NOT NULL",
        "contacts.company_id may be NULL",
    ),
    Case(
        "orders_company_id",
        "ALTER TABLE orders ALTER company_id DROP NOT NULL",
        "orders.company_id may be NULL",
    ),
    Case(
        "consistent_orders",
        BEHIND + "UPDATE orders SET company_id = 2 WHERE id = 21",
        "Order 21 (tenant 1) belongs to company 2, its contact 11 (tenant 1) to company 1",
        query=True,
    ),
    Case(
        "consistent_orders",
        BEHIND + "UPDATE orders SET tenant_id = 2 WHERE id = 21",
        "Order 21 (tenant 2) belongs to company 1, its contact 11 (tenant 1) to company 1",
        query=True,
        name="tenant",
    ),
    Case(
        "required_indexes",
        "DROP INDEX ix_orders_tenant_company",
        "orders: ix_orders_tenant_company is missing",
    ),
    Case(
        "required_indexes",
        "ALTER TABLE contacts DROP CONSTRAINT uq_contact_email_per_company;"
        "ALTER TABLE contacts ADD CONSTRAINT uq_contact_email_per_company UNIQUE (tenant_id, id)",
        "contacts: uq_contact_email_per_company is UNIQUE (tenant_id, id)",
        name="other",
    ),
    Case(
        "required_indexes",
        "DROP INDEX uq_companies_one_default_per_tenant",
        "companies: uq_companies_one_default_per_tenant is missing",
        name="partial",
    ),
    Case(
        "foreign_keys",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_company",
        "orders: fk_orders_company is missing",
    ),
    Case(
        "foreign_keys",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, ADD CONSTRAINT fk_orders_contact "
        "FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE CASCADE",
        "orders: fk_orders_contact is FOREIGN KEY (contact_id) REFERENCES contacts(id) "
        "ON DELETE CASCADE",
        name="other-rule",
    ),
    Case(
        "consistent_tenants",
        BEHIND + "UPDATE addresses SET tenant_id = 2 WHERE id = 32",
        "Row 32 of addresses (tenant 2) belongs to company 1 (tenant 1)",
        query=True,
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = 32 WHERE id = 1",
        "Company 1 points to default address 32, marked is 31",
        query=True,
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE addresses SET is_default = false",
        "Company 1 points to default address 31, marked is none",
        count=2,
        query=True,
        name="unmarked",
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = NULL",
        "Company 1 points to default address none, marked is 31",
        count=2,
        query=True,
        name="no-pointer",
    ),
    Case(
        "default_addresses",
        BEHIND + "UPDATE companies SET default_address_id = 33 WHERE id = 2",
        "Company 2 points to default address 33, marked is none",
        query=True,
        name="anothers",
    ),
    Case(
        "triggers",
        "DROP TRIGGER trg_move_orders_with_contact ON contacts",
        "Trigger trg_move_orders_with_contact on contacts is missing",
    ),
    Case(
        "triggers",
        "ALTER TABLE orders DISABLE TRIGGER trg_validate_order_relationships",
        "Trigger trg_validate_order_relationships on orders is disabled",
        name="disabled",
    ),
    Case(
        "triggers",
        "CREATE OR REPLACE FUNCTION trg_validate_order_relationships() RETURNS trigger "
        "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp "
        "SET row_security = off AS $$ BEGIN RETURN NEW; END $$",
        "The function of trigger trg_validate_order_relationships has another body than",
        name="body",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_sync_default_address() SET search_path = public",
        "The function of trigger trg_sync_default_address has other settings than",
        name="settings",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_sync_default_address() RESET row_security",
        "has other settings than search_path=pg_catalog, public, pg_temp, row_security=off: "
        "search_path=pg_catalog, public, pg_temp",
        name="row-security",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_validate_address_company() SECURITY INVOKER",
        "trg_validate_address_company does not run with its owner's rights (SECURITY DEFINER)",
        name="invoker",
    ),
    Case(
        "triggers",
        "ALTER FUNCTION trg_validate_address_company() OWNER TO pg_monitor",
        "trg_validate_address_company belongs to pg_monitor, not to postgres",
        name="owner",
    ),
    Case(
        "triggers",
        "GRANT EXECUTE ON FUNCTION trg_prevent_company_deletion() TO PUBLIC",
        "The function of trigger trg_prevent_company_deletion may be executed by PUBLIC",
        name="public",
    ),
    Case(
        "triggers",
        "CREATE OR REPLACE TRIGGER trg_validate_contact_company BEFORE INSERT ON contacts "
        "FOR EACH ROW EXECUTE FUNCTION trg_validate_contact_company()",
        "Trigger trg_validate_contact_company on contacts is another: CREATE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT ON contacts",
        name="events",
    ),
    Case(
        "triggers",
        "CREATE SCHEMA other; CREATE FUNCTION other.trg_validate_contact_company() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE OR REPLACE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT OR UPDATE OF id, tenant_id, company_id "
        "ON contacts FOR EACH ROW EXECUTE FUNCTION other.trg_validate_contact_company()",
        "Trigger trg_validate_contact_company on contacts is another: CREATE TRIGGER "
        "trg_validate_contact_company BEFORE INSERT OR UPDATE OF id, tenant_id, company_id "
        "ON contacts FOR EACH ROW EXECUTE FUNCTION other.",
        count=5,
        name="another-function",
    ),
    Case(
        "applying_policies",
        "ALTER TABLE companies OWNER TO pg_monitor; ALTER TABLE companies ENABLE ROW LEVEL "
        "SECURITY, FORCE ROW LEVEL SECURITY",
        "The policies of companies apply to pg_monitor, the owner of companies",
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "companies has row-level security, addresses has not",
        count=3,
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE addresses ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY addresses_of_visible_companies ON addresses USING (true)",
        "Policy addresses_of_visible_companies on addresses is another: true",
        name="another",
    ),
    Case(
        "address_policy",
        "ALTER TABLE companies ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE addresses ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY addresses_of_visible_companies ON addresses FOR SELECT USING "
        "(EXISTS (SELECT 1 FROM companies WHERE companies.id = addresses.company_id))",
        "Policy addresses_of_visible_companies on addresses is another",
        name="reading-only",
    ),
    Case(
        "added_columns",
        "ALTER TABLE addresses ALTER city DROP NOT NULL",
        "addresses.city may be NULL",
        name="nullable",
    ),
    Case(
        "added_columns",
        "ALTER TABLE addresses ALTER country SET DEFAULT 'Canada'",
        "addresses.country has not its default",
        name="default",
    ),
    Case(
        "added_columns",
        "DROP SEQUENCE addresses_id_seq CASCADE",
        "addresses.id has not its default",
        name="sequence",
    ),
    Case(
        "check_rules",
        "ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format, "
        "ADD CONSTRAINT ck_contacts_phone_format CHECK (id > 0)",
        "contacts: ck_contacts_phone_format is CHECK ((id > 0))",
    ),
    Case(
        "leftovers",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, ADD CONSTRAINT fk_orders_contact "
        "FOREIGN KEY (contact_id) REFERENCES contacts (id) ON DELETE SET NULL NOT VALID",
        "Constraint fk_orders_contact on orders is NOT VALID",
    ),
    Case(
        "leftovers",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_orders_id'::regclass",
        "Index ix_orders_id on orders is invalid",
        name="index",
    ),
)

WARNINGS = (
    Case(
        "address_rights",
        "GRANT SELECT ON companies TO pg_monitor",
        "pg_monitor lacks SELECT on addresses, which it has on companies",
    ),
    Case(
        "address_rights",
        "ALTER TABLE addresses OWNER TO pg_monitor",
        "addresses belongs to pg_monitor, not to postgres, the owner of companies",
        name="owner",
    ),
    Case(
        "tenant_limits",
        "DROP TABLE auth_user_tenants",
        "There is no table auth_user_tenants, so the admin shows no rows",
    ),
    Case(
        "tenant_limits",
        "ALTER TABLE auth_user_tenants DROP CONSTRAINT auth_user_tenants_user_id_tenant_id_uniq",
        "auth_user_tenants has no key auth_user_tenants_user_id_tenant_id_uniq",
        name="key",
    ),
    Case(
        "tenant_limits",
        BEHIND + "INSERT INTO auth_user_tenants (user_id, tenant_id) VALUES (5, 999)",
        "User 5 is limited to tenant 999, which does not exist",
        name="gone",
    ),
    *(
        Case(
            rule,
            f"ALTER TABLE {table} DROP CONSTRAINT {rule};"
            f"{BEHIND} UPDATE {table} SET {column} = 'x' WHERE tenant_id = 2",
            f"of {table} (tenant 2) breaks {rule}",
            query=True,
        )
        for rule, table, column in (
            ("ck_contacts_email_format", "contacts", "email"),
            ("ck_contacts_phone_format", "contacts", "phone"),
            ("ck_companies_email_format", "companies", "email"),
            ("ck_companies_phone_format", "companies", "phone"),
            ("ck_companies_fax_format", "companies", "fax"),
            ("ck_addresses_zip_format", "addresses", "zip_code"),
        )
    ),
    Case(
        "ck_companies_fax_format",
        "ALTER TABLE companies DROP CONSTRAINT ck_companies_fax_format",
        "No row of companies breaks ck_companies_fax_format, but the database does not hold it",
        name="dropped",
    ),
)
