"""The PL/pgSQL of the functions that look up, fill and check. ``functions.py`` fills in the names.

They run as the owner, with a pinned search path. The one that writes the application's rows stands
in ``writing.py``.
"""

# The tenant's default company, made where it is missing: the migration made one only where it had
# something to place. NULL where there is no such tenant.
DEFAULT_COMPANY = """
DECLARE
    found integer;
BEGIN
    SELECT id INTO found FROM companies WHERE tenant_id = of_tenant AND is_default FOR KEY SHARE;
    IF found IS NOT NULL OR NOT EXISTS (SELECT 1 FROM tenants WHERE id = of_tenant) THEN
        RETURN found;
    END IF;
    -- One of that name, made by a person or at this moment by another session, becomes it.
    INSERT INTO companies (tenant_id, name, is_default, created_at, updated_at)
    VALUES (of_tenant, 'Default Company', true, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
    ON CONFLICT (tenant_id, name) DO UPDATE SET is_default = true
    RETURNING id INTO found;
    RETURN found;
END
"""

# Fires where no company is given, whoever writes.
PLACE_CONTACT = """
BEGIN
    IF NEW.tenant_id IS NULL THEN
        RETURN NEW; -- left to NOT NULL
    END IF;
    NEW.company_id := {default_company}(NEW.tenant_id);
    IF NEW.company_id IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            CONSTRAINT = 'contacts_tenant_id_fkey',
            MESSAGE = 'insert or update on table "contacts" violates foreign key constraint "contacts_tenant_id_fkey"',
            DETAIL = format('Key (tenant_id)=(%s) is not present in table "tenants".', NEW.tenant_id);
    END IF;
    NEW.placed_in_company_id := NEW.company_id;
    RETURN NEW;
END
"""

# Fills what the legacy application does not know, before the order's own rules judge it, and the
# snapshot that the new application no longer writes.
FILL_ORDER = """
DECLARE
    contact record;
BEGIN
    IF NEW.contact_id IS NULL THEN
        IF TG_OP = 'INSERT' AND NEW.company_id IS NULL AND NEW.tenant_id IS NOT NULL THEN
            NEW.company_id := {default_company}(NEW.tenant_id);
            IF NEW.company_id IS NULL THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                    CONSTRAINT = {tenant_key},
                    MESSAGE = format('insert or update on table "orders" violates foreign key constraint "%s"', {tenant_key}),
                    DETAIL = format('Key (tenant_id)=(%s) is not present in table "tenants".', NEW.tenant_id);
            END IF;
        END IF;
        RETURN NEW;
    END IF;
    SELECT tenant_id, company_id, name, coalesce(email, email_set_aside) AS email, phone INTO contact
    FROM contacts WHERE id = NEW.contact_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            CONSTRAINT = {customer_key},
            MESSAGE = format('insert or update on table "orders" violates foreign key constraint "%s"', {customer_key}),
            DETAIL = format('Key (customer_id)=(%s) is not present in table "customers".', NEW.contact_id);
    END IF;
    IF contact.tenant_id <> NEW.tenant_id THEN
        RETURN NEW; -- the order's own rule refuses it
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.customer_name IS NULL THEN
            NEW.customer_name := contact.name;
            NEW.customer_email := coalesce(NEW.customer_email, contact.email);
            NEW.customer_phone := coalesce(NEW.customer_phone, contact.phone);
        END IF;
    ELSIF NEW.contact_id IS DISTINCT FROM OLD.contact_id AND NEW.company_id = OLD.company_id THEN
        NEW.company_id := contact.company_id; -- the customer alone was changed
    END IF;
    RETURN NEW;
END
"""

COUNT_ORDERS = """
BEGIN
    PERFORM FROM {orders_counter};
    RETURN NULL;
END
"""

# Fires for sessions that see the bridge: the others get the rule of the restructured tables.
KEEP_COMPANY = """
BEGIN
    IF EXISTS (SELECT 1 FROM contacts WHERE {company} = OLD.id) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = 'customers',
            CONSTRAINT = {company_key},
            MESSAGE = format('update or delete on table "companies" violates foreign key constraint "%s" on table "customers"', {company_key}),
            DETAIL = format('Key (id)=(%s) is still referenced from table "customers".', OLD.id);
    END IF;
    RETURN OLD;
END
"""

# A new customer, and one that goes.
CHECK_CUSTOMER = """
DECLARE
    asked integer;
    mail {email_type} := NEW.email;
BEGIN
    IF TG_OP = 'DELETE' THEN
{delete}
        RETURN OLD;
    END IF;
    PERFORM FROM {customers_counter}; -- an INSERT does not look at the view's condition
{fill_id}{not_null}{unique}    RETURN NEW;
END
"""
# An update, where it names what has to be judged: a trigger on the view would be called for each.
CHECK_CHANGE = """
DECLARE
    asked integer;
    mail {email_type};
BEGIN
    IF NEW.id IS DISTINCT FROM OLD.id
       AND EXISTS (SELECT 1 FROM orders WHERE contact_id = OLD.id) THEN
{still_referenced}    END IF;
    IF (NEW.tenant_id, NEW.email, NEW.email_set_aside)
       IS NOT DISTINCT FROM (OLD.tenant_id, OLD.email, OLD.email_set_aside) THEN
        RETURN NEW;
    END IF;
    SELECT {email} INTO mail FROM (SELECT NEW.id, NEW.email, NEW.email_set_aside) AS c;
{still_unique}    RETURN NEW;
END
"""
STILL_REFERENCED = """\
        RAISE EXCEPTION USING
            ERRCODE = 'foreign_key_violation', SCHEMA = {schema}, TABLE = 'orders',
            CONSTRAINT = {customer_key},
            MESSAGE = format('update or delete on table "customers" violates foreign key constraint "%s" on table "orders"', {customer_key}),
            DETAIL = format('Key (id)=(%s) is still referenced from table "orders".', OLD.id);
"""
# Locked first: who is adding an order to it is waited for.
REFUSE_DELETE = """\
        PERFORM 1 FROM contacts WHERE id = OLD.id FOR UPDATE;
        IF EXISTS (SELECT 1 FROM orders WHERE contact_id = OLD.id) THEN
{still_referenced}        END IF;"""
CASCADE_DELETE = """\
        DELETE FROM orders WHERE contact_id = OLD.id;"""
FILL_IDENTITY = """\
    IF TG_OP = 'INSERT' AND NEW.id IS NULL THEN
        NEW.id := nextval({sequence});
    END IF;
"""
NOT_NULL = """\
    IF NEW.email IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'not_null_violation', SCHEMA = {schema}, TABLE = 'customers', COLUMN = 'email',
            MESSAGE = 'null value in column "email" of relation "customers" violates not-null constraint';
    END IF;
"""
# The restructured tables hold an e-mail once in a company, the legacy table held it once in a
# tenant. A lock for each e-mail makes two sessions that write the same one wait for each other. A
# transaction that writes very many takes no more of them: the server has a table for so many locks.
UNIQUE_EMAIL = """\
    asked := coalesce(nullif(current_setting('jmsk.bridge_emails', true), ''), '0')::integer;
    IF asked < {most_locks} THEN
        PERFORM set_config('jmsk.bridge_emails', (asked + 1)::text, true);
        PERFORM pg_advisory_xact_lock(
            hashtextextended(format('jmsk bridge %s %s', NEW.tenant_id, mail), 0));
    END IF;
    IF EXISTS (SELECT 1 FROM contacts
               WHERE tenant_id = NEW.tenant_id AND {email} = mail AND {another}) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation', SCHEMA = {schema}, TABLE = 'customers',
            CONSTRAINT = {email_key},
            MESSAGE = format('duplicate key value violates unique constraint "%s"', {email_key}),
            DETAIL = format('Key (tenant_id, email)=(%s, %s) already exists.', NEW.tenant_id, mail);
    END IF;
"""
