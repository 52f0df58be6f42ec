"""The rules between a company, its tenant and its addresses.

Each trigger has a function of its own, which bears its name. Three locks carry the rules through
concurrent transactions at READ COMMITTED:

- A contact, an order or an address takes FOR KEY SHARE or more on its company, and a company that
  changes its tenant or its id takes FOR UPDATE on itself. FOR NO KEY UPDATE, which a plain UPDATE
  takes where no unique constraint covers ``tenant_id``, would not wait for FOR KEY SHARE.
- Whoever changes which address is a company's default holds FOR NO KEY UPDATE on the company, so
  two of them take turns, while contacts and orders go on being added.
- What is read after a lock is read by a statement of its own, hence as last committed.

A row may only name what was there before its statement: were a company that is missing left to the
foreign key, one that comes meanwhile, of another tenant, would satisfy it.

Addresses. The first becomes the default. One that is added as, or made, the default unsets the
one before; of several in one statement the last wins. One that moves to another company becomes
the default of a company without addresses. In a company with addresses it becomes the default
only where it was none and the same statement makes it one. A company may have addresses and no
default.

The unique index on the default is checked at once, so the old default has to be unset before the
new one is stored. What the two events can bear differs:

- A new row is stored as the default, for its writer is told what was stored (RETURNING). The old
  default is unset before and noted in a setting of the transaction. ON CONFLICT or another trigger
  may then not store the row after all: after the statement, a company that is left without default
  gets the noted one back.
- A row that is updated is stored as none, and noted. After the statement the old default is unset
  and the noted one is set. To unset the old one before would be an error of the server where the
  same statement comes to that row later (``SET is_default = (id = 7002)``).
"""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

from companies.trigger_sql import CreateTrigger
from jmsk.postgres.operations import AddCheckRule

VALIDATE_COMPANY_TENANT = """
DECLARE
    dependants text;
BEGIN
    -- Waits for those who are adding to the company, and lets nobody add until the end.
    PERFORM 1 FROM companies WHERE id = OLD.id FOR UPDATE;
    SELECT pg_catalog.string_agg(
        kind || ' ' || lowest::text || CASE WHEN more > 0 THEN ' and ' || more::text || ' more' ELSE '' END,
        ', ' ORDER BY kind)
    INTO dependants
    FROM (
        SELECT 'contact'::text AS kind, pg_catalog.min(id) AS lowest, pg_catalog.count(*) - 1 AS more
        FROM contacts WHERE company_id = OLD.id
        UNION ALL
        SELECT 'order', pg_catalog.min(id), pg_catalog.count(*) - 1
        FROM orders WHERE company_id = OLD.id
        UNION ALL
        SELECT 'address', pg_catalog.min(id), pg_catalog.count(*) - 1
        FROM addresses WHERE company_id = OLD.id
    ) AS found
    WHERE lowest IS NOT NULL;
    IF dependants IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = CASE WHEN NEW.id <> OLD.id
                THEN pg_catalog.format('Company %s (tenant %s) cannot become company %s: it still has %s',
                                       OLD.id, OLD.tenant_id, NEW.id, dependants)
                ELSE pg_catalog.format('Company %s (tenant %s) cannot move to tenant %s: it still has %s',
                                       OLD.id, OLD.tenant_id, NEW.tenant_id, dependants)
                END,
            HINT = 'Move these to another company of their tenant, or delete them, first.';
    END IF;
    RETURN NEW;
END
"""

PREVENT_COMPANY_DELETION = """
DECLARE
    lowest bigint;
    more bigint;
BEGIN
    SELECT pg_catalog.min(id), pg_catalog.count(*) - 1 INTO lowest, more
    FROM contacts WHERE company_id = OLD.id;
    IF lowest IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Company %s (tenant %s) cannot be deleted: it still has contact %s%s',
                             OLD.id, OLD.tenant_id, lowest,
                             CASE WHEN more > 0 THEN ' and ' || more::text || ' more' ELSE '' END),
            HINT = 'Move its contacts to another company, or delete them, first.';
    END IF;
    RETURN OLD;
END
"""

VALIDATE_ADDRESS_COMPANY = """
DECLARE
    company_tenant bigint;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.tenant_id = OLD.tenant_id AND NEW.company_id = OLD.company_id THEN
            RETURN NEW;
        END IF;
    END IF;
    SELECT tenant_id INTO company_tenant
    FROM companies WHERE id = NEW.company_id FOR NO KEY UPDATE;
    IF NOT FOUND AND NEW.company_id IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Address %s (tenant %s) names company %s, which does not exist',
                                        NEW.id, NEW.tenant_id, NEW.company_id);
    END IF;
    IF company_tenant <> NEW.tenant_id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Address %s (tenant %s) cannot belong to company %s (tenant %s)',
                                        NEW.id, NEW.tenant_id, NEW.company_id, company_tenant),
            HINT = 'An address belongs to its company''s tenant.';
    END IF;
    RETURN NEW;
END
"""

AUTO_SET_FIRST_ADDRESS_DEFAULT = """
DECLARE
    arrives boolean := true;
    present_default bigint;
    to_set text := coalesce(pg_catalog.current_setting('jmsk.defaults_to_set', true), '');
    unset text;
    noted text := ',' || NEW.id::text || ',';
BEGIN
    IF pg_catalog.strpos(to_set, noted) > 0 THEN
        -- Left by a statement that did not store the row in the end.
        PERFORM pg_catalog.set_config('jmsk.defaults_to_set', pg_catalog.replace(to_set, noted, ','), true);
        to_set := pg_catalog.replace(to_set, noted, ',');
    END IF;
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
    IF arrives AND NOT EXISTS (SELECT 1 FROM addresses
                               WHERE company_id = NEW.company_id AND id <> coalesce(OLD.id, NEW.id)) THEN
        NEW.is_default := true;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND arrives THEN
        -- It was the default of the company that it leaves, which says nothing about this one.
        NEW.is_default := NEW.is_default AND NOT OLD.is_default;
    END IF;
    IF NEW.is_default IS NOT TRUE THEN
        RETURN NEW;
    END IF;
    SELECT id INTO present_default
    FROM addresses
    WHERE company_id = NEW.company_id AND is_default AND id <> coalesce(OLD.id, NEW.id);
    IF present_default IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        NEW.is_default := false;
        PERFORM pg_catalog.set_config(
            'jmsk.defaults_to_set',
            CASE WHEN to_set = '' THEN noted ELSE to_set || NEW.id::text || ',' END, true);
        RETURN NEW;
    END IF;
    UPDATE addresses SET is_default = false WHERE id = present_default;
    unset := coalesce(pg_catalog.current_setting('jmsk.defaults_unset', true), '');
    PERFORM pg_catalog.set_config(
        'jmsk.defaults_unset',
        CASE WHEN unset = '' THEN present_default::text ELSE unset || ',' || present_default::text END,
        true);
    RETURN NEW;
END
"""

RESTORE_DEFAULT_ADDRESS = """
DECLARE
    unset text := coalesce(pg_catalog.current_setting('jmsk.defaults_unset', true), '');
    former bigint;
BEGIN
    IF unset = '' THEN
        RETURN NULL;
    END IF;
    PERFORM pg_catalog.set_config('jmsk.defaults_unset', '', true);
    -- The last that was unset first: of one company's, it was the latest.
    FOR former IN
        SELECT noted.id
        FROM pg_catalog.unnest(pg_catalog.string_to_array(unset, ',')::bigint[])
             WITH ORDINALITY AS noted (id, place)
        ORDER BY noted.place DESC
    LOOP
        UPDATE addresses SET is_default = true
        WHERE id = former AND NOT is_default
          AND NOT EXISTS (SELECT 1 FROM addresses AS other
                          WHERE other.company_id = addresses.company_id AND other.is_default);
    END LOOP;
    RETURN NULL;
END
"""

PREVENT_DEFAULT_ADDRESS_DELETION = """
DECLARE
    company_tenant bigint;
    lowest bigint;
    more bigint;
    named boolean;
BEGIN
    SELECT tenant_id INTO company_tenant
    FROM companies WHERE id = OLD.company_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL; -- the company itself was deleted
    END IF;
    SELECT pg_catalog.min(id), pg_catalog.count(*) - 1, pg_catalog.bool_or(is_default)
    INTO lowest, more, named
    FROM addresses WHERE company_id = OLD.company_id;
    IF NOT named THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Address %s cannot be deleted: it is the default of company %s (tenant %s), which still has address %s%s',
                             OLD.id, OLD.company_id, company_tenant, lowest,
                             CASE WHEN more > 0 THEN ' and ' || more::text || ' more' ELSE '' END),
            HINT = pg_catalog.format('Make another address of company %s the default, or delete the others as well, before COMMIT.',
                          OLD.company_id);
    END IF;
    RETURN NULL;
END
"""

SYNC_COMPANY_DEFAULT_ADDRESS = """
DECLARE
    company record;
    chosen bigint;
    to_set text;
    noted text;
BEGIN
    -- Only these change which address is a default; OLD and NEW are NULL where there is none.
    IF TG_OP = 'INSERT' AND NOT NEW.is_default OR TG_OP = 'DELETE' AND NOT OLD.is_default THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        to_set := coalesce(pg_catalog.current_setting('jmsk.defaults_to_set', true), '');
        noted := ',' || NEW.id::text || ',';
        IF pg_catalog.strpos(to_set, noted) > 0 THEN
            PERFORM pg_catalog.set_config(
                'jmsk.defaults_to_set', pg_catalog.replace(to_set, noted, ','), true);
            IF EXISTS (SELECT 1 FROM addresses WHERE id = NEW.id AND company_id = NEW.company_id) THEN
                UPDATE addresses SET is_default = false
                WHERE company_id = NEW.company_id AND is_default AND id <> NEW.id;
                UPDATE addresses SET is_default = true WHERE id = NEW.id;
            END IF;
        END IF;
        IF NEW.id = OLD.id AND NEW.company_id = OLD.company_id AND NEW.is_default = OLD.is_default THEN
            RETURN NULL;
        END IF;
    END IF;
    FOR company IN
        SELECT id FROM companies
        WHERE id IN (OLD.company_id, NEW.company_id) ORDER BY id FOR NO KEY UPDATE
    LOOP
        -- Read, not taken from NEW: a later row of the same statement may have won.
        SELECT id INTO chosen FROM addresses WHERE company_id = company.id AND is_default;
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
        UPDATE addresses SET is_default = false WHERE company_id = NEW.id AND is_default;
        RETURN NULL;
    END IF;
    SELECT id, tenant_id, company_id, is_default INTO address
    FROM addresses WHERE id = NEW.default_address_id FOR NO KEY UPDATE;
    IF address.company_id <> NEW.id THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
            MESSAGE = pg_catalog.format('Company %s (tenant %s) cannot have address %s as its default: that belongs to company %s (tenant %s)',
                             NEW.id, NEW.tenant_id, address.id, address.company_id, address.tenant_id),
            HINT = pg_catalog.format('Name an address of company %s.', NEW.id);
    END IF;
    IF NOT address.is_default THEN
        UPDATE addresses SET is_default = true WHERE id = address.id;
    END IF;
    RETURN NULL;
END
"""


class Migration(migrations.Migration):
    """Make the eight triggers of companies and addresses."""

    dependencies = [("companies", "0002_hierarchy"), ("orders", "0002_hierarchy")]

    operations = [
        # Not before the default companies are there: what a drifted column gives them by default
        # may break a rule, which then stays pending.
        AddCheckRule(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(("email__regex", r"^[^@\s]+@[^@\s]+\.[^@\s]+$")),
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
        CreateTrigger(
            "trg_validate_company_tenant",
            "BEFORE UPDATE OF id, tenant_id",
            "companies",
            VALIDATE_COMPANY_TENANT,
            each="FOR EACH ROW WHEN (old.id IS DISTINCT FROM new.id OR "
            "old.tenant_id IS DISTINCT FROM new.tenant_id)",
        ),
        CreateTrigger(
            "trg_prevent_company_deletion", "BEFORE DELETE", "companies", PREVENT_COMPANY_DELETION
        ),
        CreateTrigger(
            "trg_validate_address_company",
            "BEFORE INSERT OR UPDATE OF tenant_id, company_id",
            "addresses",
            VALIDATE_ADDRESS_COMPANY,
        ),
        CreateTrigger(
            "trg_auto_set_first_address_default",
            "BEFORE INSERT OR UPDATE OF id, company_id, is_default",
            "addresses",
            AUTO_SET_FIRST_ADDRESS_DEFAULT,
        ),
        CreateTrigger(
            "trg_restore_default_address",
            "AFTER INSERT",
            "addresses",
            RESTORE_DEFAULT_ADDRESS,
            each="FOR EACH STATEMENT",
        ),
        CreateTrigger(
            "trg_prevent_default_address_deletion",
            "AFTER DELETE",
            "addresses",
            PREVENT_DEFAULT_ADDRESS_DELETION,
            each="DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.is_default)",
            constraint=True,
        ),
        CreateTrigger(
            "trg_sync_company_default_address",
            # An address that changes its id takes the pointer along.
            "AFTER INSERT OR DELETE OR UPDATE OF id, company_id, is_default",
            "addresses",
            SYNC_COMPANY_DEFAULT_ADDRESS,
        ),
        CreateTrigger(
            "trg_sync_default_address",
            # A new company could name another's address, too.
            "AFTER INSERT OR UPDATE OF default_address_id",
            "companies",
            SYNC_DEFAULT_ADDRESS,
        ),
    ]
