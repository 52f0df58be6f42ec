"""The PL/pgSQL of the bridge's functions. ``create.py`` fills in names, columns and expressions.

Those that look up or fill run as the owner, with a pinned search path. The one that writes the
application's rows runs as the application, with its rights, its row-level security and its search
path, which triggers of its own may need.
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

CHECK_CUSTOMER = """
DECLARE
    asked integer;
BEGIN
    IF TG_OP = 'DELETE' THEN
{delete}
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.id IS DISTINCT FROM OLD.id
       AND EXISTS (SELECT 1 FROM orders WHERE contact_id = OLD.id) THEN
{still_referenced}    END IF;
{fill_id}{not_null}{unique}    RETURN NEW;
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
    IF TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email
       OR NEW.tenant_id IS DISTINCT FROM OLD.tenant_id THEN
        asked := coalesce(nullif(current_setting('jmsk.bridge_emails', true), ''), '0')::integer;
        IF asked < {most_locks} THEN
            PERFORM set_config('jmsk.bridge_emails', (asked + 1)::text, true);
            PERFORM pg_advisory_xact_lock(
                hashtextextended(format('jmsk bridge %s %s', NEW.tenant_id, NEW.email), 0));
        END IF;
        IF EXISTS (SELECT 1 FROM contacts
                   WHERE tenant_id = NEW.tenant_id AND {email} = NEW.email
                     AND (TG_OP = 'INSERT' OR id <> OLD.id)) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'unique_violation', SCHEMA = {schema}, TABLE = 'customers',
                CONSTRAINT = {email_key},
                MESSAGE = format('duplicate key value violates unique constraint "%s"', {email_key}),
                DETAIL = format('Key (tenant_id, email)=(%s, %s) already exists.', NEW.tenant_id, NEW.email);
        END IF;
    END IF;
"""

# A role that may write the whole table goes by statements that are planned once. One that may write
# some columns, or under row-level security, gets a statement that names no more than it may.
WRITE_CUSTOMER = """
#variable_conflict use_column
DECLARE
    whole boolean := has_table_privilege({contacts_oid}::oid, 'SELECT')
        AND has_table_privilege({contacts_oid}::oid, TG_OP) AND NOT row_security_active({contacts_oid}::oid);
    named text[];
    written bigint;
    state text; broken text; of_table text; of_column text; of_schema text;
    told text; detail_told text; hint_told text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM {contacts} WHERE id = OLD.id;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        RETURN OLD;
    ELSIF TG_OP = 'INSERT' THEN
        IF whole THEN
            INSERT INTO {contacts} ({columns}) OVERRIDING SYSTEM VALUE
            VALUES ({new_values}) RETURNING {expressions} INTO NEW;
            RETURN NEW;
        END IF;
        SELECT array_agg(name) INTO named FROM unnest({names}) AS name
        WHERE has_column_privilege({contacts_oid}::oid, name, 'INSERT');
        EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s', {contacts_name},
                       (SELECT string_agg(quote_ident(name), ', ') FROM unnest(named) AS name),
                       (SELECT string_agg('($1).' || quote_ident(name), ', ') FROM unnest(named) AS name))
        USING NEW;
        RETURN NEW;
    END IF;
    -- Only what has changed: a row that another session has changed meanwhile keeps its other
    -- columns. A key that is not named is not locked, a link that is not named is not checked.
    IF NOT whole THEN
        named := array_remove(ARRAY[{changes}], NULL);
        IF named = '{{}}' THEN
            RETURN NEW;
        END IF;
        EXECUTE format('UPDATE %s AS c SET %s WHERE c.id = ($2).id',
                       {contacts_name}, array_to_string(named, ', '))
        USING NEW, OLD;
        GET DIAGNOSTICS written = ROW_COUNT; -- EXECUTE does not set FOUND
        IF written = 0 THEN
            RETURN NULL;
        END IF;
        RETURN NEW;
    ELSIF {links_same} THEN
        IF {email_same} THEN
            UPDATE {contacts} AS c SET {set_others} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        ELSE
            UPDATE {contacts} AS c SET {set_email} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        END IF;
    ELSE
        UPDATE {contacts} AS c SET {set_all} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
EXCEPTION WHEN integrity_constraint_violation THEN
    -- In the words of the table that the application knows.
    GET STACKED DIAGNOSTICS
        state = RETURNED_SQLSTATE, broken = CONSTRAINT_NAME, of_table = TABLE_NAME,
        of_column = COLUMN_NAME, of_schema = SCHEMA_NAME,
        told = MESSAGE_TEXT, detail_told = PG_EXCEPTION_DETAIL, hint_told = PG_EXCEPTION_HINT;
    IF state = '23503' AND broken = 'trg_validate_contact_company' THEN
        -- The trigger found it out before the key did.
        broken := 'contacts_company_id_fkey';
        told := 'insert or update on table "contacts" violates foreign key constraint "contacts_company_id_fkey"';
        detail_told := format('Key (company_id)=(%s) is not present in table "companies".', NEW.company_id);
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = state, SCHEMA = of_schema, COLUMN = of_column,
        TABLE = CASE of_table WHEN 'contacts' THEN 'customers' ELSE of_table END,
        CONSTRAINT = coalesce({legacy_names}::jsonb ->> broken, broken),
        MESSAGE = replace(replace(told, '"contacts"', '"customers"'),
                          format('"%s"', broken),
                          format('"%s"', coalesce({legacy_names}::jsonb ->> broken, broken))),
        DETAIL = detail_told, HINT = hint_told;
END
"""
