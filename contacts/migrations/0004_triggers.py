"""The rules between a contact, its company and its orders.

Each trigger has a function of its own, which bears its name. A contact holds FOR KEY SHARE on its
company, which keeps the company's id and tenant as they are; one that changes its id, tenant or
company takes FOR UPDATE on itself, so that it waits for those who are adding orders to it, and
they for it. All read what was last committed once they hold their lock.
"""

from django.db import migrations

from companies.trigger_sql import CreateTrigger

VALIDATE_CONTACT_COMPANY = """
DECLARE
    company_tenant bigint;
    lowest bigint;
    more bigint;
    impossible text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.id = OLD.id AND NEW.tenant_id = OLD.tenant_id AND NEW.company_id = OLD.company_id THEN
            RETURN NEW;
        END IF;
        PERFORM 1 FROM contacts WHERE id = OLD.id FOR UPDATE;
        IF NEW.id <> OLD.id THEN
            impossible := pg_catalog.format('become contact %s', NEW.id);
            SELECT pg_catalog.min(id), pg_catalog.count(*) - 1 INTO lowest, more
            FROM orders WHERE contact_id = OLD.id;
        ELSIF NEW.tenant_id <> OLD.tenant_id THEN
            impossible := pg_catalog.format('move to tenant %s', NEW.tenant_id);
            SELECT pg_catalog.min(id), pg_catalog.count(*) - 1 INTO lowest, more
            FROM orders WHERE contact_id = OLD.id AND tenant_id <> NEW.tenant_id;
        END IF;
        IF lowest IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = pg_catalog.format('Contact %s (tenant %s) cannot %s: it still has order %s (tenant %s)%s',
                                 OLD.id, OLD.tenant_id, impossible, lowest, OLD.tenant_id,
                                 CASE WHEN more > 0 THEN ' and ' || more::text || ' more' ELSE '' END),
                HINT = 'Give its orders another contact of their tenant, or none, first.';
        END IF;
    END IF;
    SELECT tenant_id INTO company_tenant FROM companies WHERE id = NEW.company_id FOR KEY SHARE;
    IF NOT FOUND AND NEW.company_id IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Contact %s (tenant %s) names company %s, which does not exist',
                                        NEW.id, NEW.tenant_id, NEW.company_id);
    END IF;
    IF company_tenant <> NEW.tenant_id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Contact %s (tenant %s) cannot belong to company %s (tenant %s)',
                             NEW.id, NEW.tenant_id, NEW.company_id, company_tenant),
            HINT = 'A contact belongs to its company''s tenant.';
    END IF;
    RETURN NEW;
END
"""

# EXCEPT is one pass over each table whatever the planner expects; a join of the two, planned for a
# single contact and kept by the session, would compare 50,000 with 50,000. The UPDATE is planned
# anew each time for the same reason.
MOVE_ORDERS_WITH_CONTACT = """
BEGIN
    IF NOT EXISTS (
        SELECT id, company_id FROM new_contacts EXCEPT SELECT id, company_id FROM old_contacts
    ) THEN
        RETURN NULL;
    END IF;
    EXECUTE '
        UPDATE orders SET company_id = moved.company_id
        FROM (
            SELECT id, company_id FROM new_contacts EXCEPT SELECT id, company_id FROM old_contacts
        ) AS moved
        WHERE orders.contact_id = moved.id AND orders.company_id <> moved.company_id';
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    """Make the two triggers of contacts."""

    dependencies = [("contacts", "0003_hierarchy"), ("companies", "0003_triggers")]

    operations = [
        CreateTrigger(
            "trg_validate_contact_company",
            "BEFORE INSERT OR UPDATE OF id, tenant_id, company_id",
            "contacts",
            VALIDATE_CONTACT_COMPANY,
        ),
        CreateTrigger(
            "trg_move_orders_with_contact",
            "AFTER UPDATE",
            "contacts",
            MOVE_ORDERS_WITH_CONTACT,
            # PostgreSQL allows no column list beside transition tables.
            each="REFERENCING OLD TABLE AS old_contacts NEW TABLE AS new_contacts FOR EACH STATEMENT",
        ),
    ]
