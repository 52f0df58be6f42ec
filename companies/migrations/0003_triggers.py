"""The rules between a company, its tenant and its addresses.

Each trigger has a function of its own, named like it without ``trg_``. Three locks carry the rules
through concurrent transactions at READ COMMITTED:

- A contact, an order or an address takes FOR KEY SHARE or more on its company, and a company that
  changes its tenant takes FOR UPDATE on itself. FOR NO KEY UPDATE, which a plain UPDATE takes
  where no unique constraint covers ``tenant_id``, would not wait for FOR KEY SHARE.
- Whoever changes which address is a company's default holds FOR NO KEY UPDATE on the company, so
  two of them take turns, while contacts and orders go on being added.
- What is read after a lock is read by a statement of its own, hence as last committed.

Addresses. The first becomes the default. One that is added as, or made, the default unsets the
one before; of several in one statement the last wins. One that moves to another company becomes
the default of a company without addresses. In a company with addresses it stands behind that
company's default, unless it was no default and the same statement makes it one. Setting the new
one is enough: a statement that also unsets the old one fails where the server comes upon the new
one first, as it would by the unique index alone.

A new default unsets the one before while it is not yet stored itself, for the unique index on the
default is checked at once. So for a moment a company has addresses and no default. The rules let
that moment pass only inside a trigger, and only once the company no longer points to the address
that was unset.
"""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

from companies.trigger_sql import create_trigger
from jmsk.postgres.operations import AddCheckRule

VALIDATE_COMPANY_TENANT = """
DECLARE
    dependants text;
BEGIN
    -- Waits for those who are adding to the company, and lets nobody add until the end.
    PERFORM 1 FROM companies WHERE id = OLD.id FOR UPDATE;
    SELECT string_agg(kind || ' ' || lowest || CASE WHEN more > 0 THEN ' and ' || more || ' more' ELSE '' END,
                      ', ' ORDER BY kind)
    INTO dependants
    FROM (
        SELECT 'contact' AS kind, min(id) AS lowest, count(*) - 1 AS more
        FROM contacts WHERE company_id = OLD.id
        UNION ALL SELECT 'order', min(id), count(*) - 1 FROM orders WHERE company_id = OLD.id
        UNION ALL SELECT 'address', min(id), count(*) - 1 FROM addresses WHERE company_id = OLD.id
    ) AS found
    WHERE lowest IS NOT NULL;
    IF dependants IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Company %s (tenant %s) cannot move to tenant %s: it still has %s',
                             OLD.id, OLD.tenant_id, NEW.tenant_id, dependants),
            HINT = 'Move these to another company of their tenant, or delete them, first.';
    END IF;
    RETURN NEW;
END
"""

PREVENT_COMPANY_DELETION = """
DECLARE
    lowest integer;
    more bigint;
BEGIN
    SELECT min(id), count(*) - 1 INTO lowest, more FROM contacts WHERE company_id = OLD.id;
    IF lowest IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Company %s (tenant %s) cannot be deleted: it still has contact %s%s',
                             OLD.id, OLD.tenant_id, lowest,
                             CASE WHEN more > 0 THEN ' and ' || more || ' more' ELSE '' END),
            HINT = 'Move its contacts to another company, or delete them, first.';
    END IF;
    RETURN OLD;
END
"""

VALIDATE_ADDRESS_COMPANY = """
DECLARE
    company_tenant integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.tenant_id = OLD.tenant_id AND NEW.company_id = OLD.company_id THEN
            RETURN NEW;
        END IF;
    END IF;
    -- A missing company or a NULL is left to the foreign key and to NOT NULL.
    SELECT tenant_id INTO company_tenant
    FROM companies WHERE id = NEW.company_id FOR NO KEY UPDATE;
    IF company_tenant <> NEW.tenant_id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Address %s (tenant %s) cannot belong to company %s (tenant %s)',
                             NEW.id, NEW.tenant_id, NEW.company_id, company_tenant),
            HINT = 'An address belongs to its company''s tenant.';
    END IF;
    RETURN NEW;
END
"""

AUTO_SET_FIRST_ADDRESS_DEFAULT = """
DECLARE
    arrives boolean := true;
    present_default integer;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.company_id = OLD.company_id AND NEW.is_default = OLD.is_default THEN
            RETURN NEW;
        END IF;
        arrives := NEW.company_id <> OLD.company_id;
    ELSIF EXISTS (SELECT 1 FROM addresses WHERE id = NEW.id) THEN
        -- This row will not be inserted: a duplicate key, or ON CONFLICT does what it says.
        RETURN NEW;
    END IF;
    -- Always in the order of their ids, so that two moves cannot wait for each other.
    PERFORM 1 FROM companies
    WHERE id IN (OLD.company_id, NEW.company_id) ORDER BY id FOR NO KEY UPDATE;
    SELECT id INTO present_default
    FROM addresses WHERE company_id = NEW.company_id AND is_default AND id <> NEW.id;
    IF present_default IS NULL THEN
        NEW.is_default := NEW.is_default OR arrives;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND arrives THEN
        -- It was the default of the company that it leaves, which says nothing about this one.
        NEW.is_default := NEW.is_default AND NOT OLD.is_default;
    END IF;
    IF NEW.is_default THEN
        -- One statement, so that the rules see both sides changed.
        WITH unset AS (
            UPDATE addresses SET is_default = false WHERE id = present_default RETURNING id
        )
        UPDATE companies SET default_address_id = NULL
        WHERE id = NEW.company_id AND default_address_id IN (SELECT id FROM unset);
    END IF;
    RETURN NEW;
END
"""

PREVENT_DEFAULT_ADDRESS_DELETION = """
DECLARE
    company_tenant integer;
    lowest integer;
    more bigint;
    named boolean;
BEGIN
    SELECT tenant_id INTO company_tenant
    FROM companies WHERE id = OLD.company_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL; -- the company itself is being deleted
    END IF;
    SELECT min(id), count(*) - 1, bool_or(is_default) INTO lowest, more, named
    FROM addresses WHERE company_id = OLD.company_id;
    IF NOT named THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Address %s cannot be deleted: it is the default of company %s (tenant %s), which still has address %s%s',
                             OLD.id, OLD.company_id, company_tenant, lowest,
                             CASE WHEN more > 0 THEN ' and ' || more || ' more' ELSE '' END),
            HINT = format('Make another address of company %s the default first.', OLD.company_id);
    END IF;
    RETURN NULL;
END
"""

SYNC_COMPANY_DEFAULT_ADDRESS = """
DECLARE
    company record;
    chosen integer;
BEGIN
    -- Only these change which address is a default; OLD and NEW are NULL where there is none.
    IF TG_OP = 'INSERT' AND NOT NEW.is_default OR TG_OP = 'DELETE' AND NOT OLD.is_default
       OR TG_OP = 'UPDATE' AND NEW.company_id = OLD.company_id AND NEW.is_default = OLD.is_default THEN
        RETURN NULL;
    END IF;
    FOR company IN
        SELECT id, tenant_id, default_address_id FROM companies
        WHERE id IN (OLD.company_id, NEW.company_id) ORDER BY id FOR NO KEY UPDATE
    LOOP
        -- Read, not taken from NEW: a later row of the same statement may have won.
        SELECT id INTO chosen FROM addresses WHERE company_id = company.id AND is_default;
        IF chosen IS NULL
           AND EXISTS (SELECT 1 FROM addresses WHERE company_id = company.id) THEN
            IF pg_trigger_depth() > 1 AND company.default_address_id IS DISTINCT FROM OLD.id THEN
                CONTINUE; -- unset for another one, which comes next and sets the pointer
            END IF;
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                MESSAGE = format(
                    CASE WHEN NEW.company_id <> OLD.company_id
                    THEN 'Address %s cannot leave company %s (tenant %s): it is its default, and others remain'
                    ELSE 'Address %s must stay the default of company %s (tenant %s): a company with addresses has exactly one default'
                    END, OLD.id, company.id, company.tenant_id),
                HINT = format('Make another address of company %s the default instead; that unsets this one.', company.id);
        END IF;
        UPDATE companies SET default_address_id = chosen
        WHERE id = company.id AND default_address_id IS DISTINCT FROM chosen;
    END LOOP;
    RETURN NULL;
END
"""

SYNC_DEFAULT_ADDRESS = """
DECLARE
    address record;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.default_address_id IS NULL
       OR TG_OP = 'UPDATE' AND NEW.default_address_id IS NOT DISTINCT FROM OLD.default_address_id THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM companies
    WHERE id = NEW.id AND default_address_id IS NOT DISTINCT FROM NEW.default_address_id;
    IF NOT FOUND THEN
        RETURN NULL; -- overtaken by a later change, which is looked at by itself
    END IF;
    IF NEW.default_address_id IS NULL THEN
        SELECT id, is_default INTO address
        FROM addresses WHERE company_id = NEW.id ORDER BY is_default DESC, id LIMIT 1;
        IF NOT FOUND OR pg_trigger_depth() > 1 AND NOT address.is_default THEN
            RETURN NULL; -- no address, or one is about to be named
        END IF;
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Company %s (tenant %s) cannot be without a default address: it has address %s',
                             NEW.id, NEW.tenant_id, address.id),
            HINT = 'Name another of its addresses instead, or delete them all.';
    END IF;
    SELECT id, tenant_id, company_id, is_default INTO address
    FROM addresses WHERE id = NEW.default_address_id FOR NO KEY UPDATE;
    IF address.company_id <> NEW.id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = format('Company %s (tenant %s) cannot have address %s as its default: that belongs to company %s (tenant %s)',
                             NEW.id, NEW.tenant_id, address.id, address.company_id, address.tenant_id),
            HINT = format('Name an address of company %s.', NEW.id);
    END IF;
    IF NOT address.is_default THEN
        UPDATE addresses SET is_default = true WHERE id = address.id;
    END IF;
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    """Make the seven triggers of companies and addresses."""

    dependencies = [("companies", "0002_hierarchy"), ("orders", "0002_hierarchy")]

    operations = [
        # Not before the default companies are there: what a drifted column gives them by default
        # may break a rule, which then stays pending.
        AddCheckRule(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("email__iregex", r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$")
                ),
                name="ck_companies_email_format",
                violation_error_message="Enter an e-mail address such as name@example.com.",
            ),
        ),
        AddCheckRule(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(GreaterThanOrEqual(Length(models.F("phone")), 10)),
                name="ck_companies_phone_format",
                violation_error_message="The phone needs 10 characters or more.",
            ),
        ),
        AddCheckRule(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(GreaterThanOrEqual(Length(models.F("fax")), 10)),
                name="ck_companies_fax_format",
                violation_error_message="The fax needs 10 characters or more.",
            ),
        ),
        create_trigger(
            "trg_validate_company_tenant",
            "BEFORE UPDATE OF tenant_id",
            "companies",
            VALIDATE_COMPANY_TENANT,
            each="FOR EACH ROW WHEN (OLD.tenant_id IS DISTINCT FROM NEW.tenant_id)",
        ),
        create_trigger(
            "trg_prevent_company_deletion", "BEFORE DELETE", "companies", PREVENT_COMPANY_DELETION
        ),
        create_trigger(
            "trg_validate_address_company",
            "BEFORE INSERT OR UPDATE OF tenant_id, company_id",
            "addresses",
            VALIDATE_ADDRESS_COMPANY,
        ),
        create_trigger(
            "trg_auto_set_first_address_default",
            "BEFORE INSERT OR UPDATE OF company_id, is_default",
            "addresses",
            AUTO_SET_FIRST_ADDRESS_DEFAULT,
        ),
        create_trigger(
            "trg_prevent_default_address_deletion",
            "AFTER DELETE",
            "addresses",
            PREVENT_DEFAULT_ADDRESS_DELETION,
            each="FOR EACH ROW WHEN (OLD.is_default)",
        ),
        create_trigger(
            "trg_sync_company_default_address",
            "AFTER INSERT OR DELETE OR UPDATE OF company_id, is_default",
            "addresses",
            SYNC_COMPANY_DEFAULT_ADDRESS,
        ),
        create_trigger(
            "trg_sync_default_address",
            # A new company could name another's address, too.
            "AFTER INSERT OR UPDATE OF default_address_id",
            "companies",
            SYNC_DEFAULT_ADDRESS,
        ),
    ]
