"""The rules between an order, its contact and its company.

The trigger has a function of its own, which bears its name. An order holds FOR KEY SHARE on its
contact, which keeps the contact's tenant and company as they are and, through the contact's
own rule, the company's tenant; an order without a contact holds FOR KEY SHARE on its company.

An update that gives an order a contact of another company is refused unless it names that company
too: the order would leave its company without anybody having said so.
"""

from django.db import migrations

from companies.trigger_sql import CreateTrigger
from contacts.migration_operations import RefuseOutsideCommand

VALIDATE_ORDER_RELATIONSHIPS = """
DECLARE
    contact record;
    company_tenant bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.tenant_id = OLD.tenant_id AND NEW.company_id = OLD.company_id
           AND (NEW.contact_id IS NULL OR NEW.contact_id = OLD.contact_id) THEN
            RETURN NEW; -- also a contact that was deleted: its orders stay where they are
        END IF;
    END IF;
    IF NEW.contact_id IS NOT NULL THEN
        SELECT tenant_id, company_id INTO contact
        FROM contacts WHERE id = NEW.contact_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING
                ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = pg_catalog.format('Order %s (tenant %s) names contact %s, which does not exist',
                                 NEW.id, NEW.tenant_id, NEW.contact_id);
        END IF;
        IF contact.tenant_id <> NEW.tenant_id THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = pg_catalog.format('Order %s (tenant %s) cannot belong to contact %s (tenant %s)',
                                 NEW.id, NEW.tenant_id, NEW.contact_id, contact.tenant_id),
                HINT = 'An order belongs to its contact''s tenant.';
        END IF;
        IF TG_OP = 'INSERT' AND NEW.company_id IS NULL THEN
            NEW.company_id := contact.company_id;
        END IF;
        IF contact.company_id <> NEW.company_id THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = pg_catalog.format('Order %s (tenant %s) cannot belong to company %s: its contact %s belongs to company %s',
                                 NEW.id, NEW.tenant_id, NEW.company_id, NEW.contact_id, contact.company_id),
                HINT = pg_catalog.format('Set company_id = %s in the same statement, name another contact or none, or move contact %s, which takes its orders along.',
                              contact.company_id, NEW.contact_id);
        END IF;
        RETURN NEW; -- the contact's company is of the contact's tenant
    END IF;
    IF TG_OP = 'INSERT' AND NEW.company_id IS NULL THEN
        SELECT id INTO NEW.company_id
        FROM companies WHERE tenant_id = NEW.tenant_id AND is_default FOR KEY SHARE;
        IF NEW.company_id IS NULL AND NEW.tenant_id IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = pg_catalog.format('Order %s names neither a contact nor a company, and tenant %s has no default company',
                                 NEW.id, NEW.tenant_id),
                HINT = 'Name a contact or a company.';
        END IF;
        RETURN NEW;
    END IF;
    SELECT tenant_id INTO company_tenant FROM companies WHERE id = NEW.company_id FOR KEY SHARE;
    IF NOT FOUND AND NEW.company_id IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Order %s (tenant %s) names company %s, which does not exist',
                                        NEW.id, NEW.tenant_id, NEW.company_id);
    END IF;
    IF company_tenant <> NEW.tenant_id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Order %s (tenant %s) cannot belong to company %s (tenant %s)',
                             NEW.id, NEW.tenant_id, NEW.company_id, company_tenant),
            HINT = 'An order belongs to its company''s tenant.';
    END IF;
    RETURN NEW;
END
"""


class Migration(migrations.Migration):
    """Make the trigger of orders."""

    dependencies = [("orders", "0002_hierarchy"), ("contacts", "0004_triggers")]

    operations = [
        CreateTrigger(
            "trg_validate_order_relationships",
            "BEFORE INSERT OR UPDATE OF tenant_id, company_id, contact_id",
            "orders",
            VALIDATE_ORDER_RELATIONSHIPS,
        ),
        RefuseOutsideCommand("backwards"),
    ]
