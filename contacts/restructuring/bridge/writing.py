"""The PL/pgSQL of the function that writes what the application writes to the view customers.

It runs as the application, with its rights, its row-level security and its search path, which
triggers of its own may need.
"""

# A role that may write the whole table goes by statements that are planned once. One that may write
# some columns, or under row-level security, gets a statement that names no more than it may.
#
# The block whose errors are told in other words is a transaction within the transaction. An update
# of what no constraint is about does without: it is the one that applications do most.
WRITE_CUSTOMER = """
#variable_conflict use_column
DECLARE
    whole boolean := has_table_privilege({contacts_oid}::oid, 'SELECT')
        AND has_table_privilege({contacts_oid}::oid, TG_OP) AND NOT row_security_active({contacts_oid}::oid);
    named text[];
    written bigint := 1;
    state text; broken text; of_table text; of_column text; of_schema text;
    told text; detail_told text; hint_told text;
BEGIN
    -- Only what has changed: a row that another session has changed meanwhile keeps its other
    -- columns. A key that is not named is not locked, a link that is not named is not checked.
    IF TG_OP = 'UPDATE' AND whole AND {only_plain} THEN
        UPDATE {contacts} AS c SET {set_plain} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        RETURN NEW;
    END IF;
    BEGIN
        IF TG_OP = 'DELETE' THEN
            DELETE FROM {contacts} WHERE id = OLD.id;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
            RETURN OLD;
        ELSIF TG_OP = 'INSERT' AND whole THEN
            INSERT INTO {contacts} ({columns}) OVERRIDING SYSTEM VALUE
            VALUES ({new_values}) RETURNING {expressions} INTO NEW;
            RETURN NEW;
        ELSIF TG_OP = 'INSERT' THEN
            SELECT array_agg(name) INTO named FROM unnest({names}) AS name
            WHERE has_column_privilege({contacts_oid}::oid, name, 'INSERT');
            EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s', {contacts_name},
                           (SELECT string_agg(quote_ident(name), ', ') FROM unnest(named) AS name),
                           (SELECT string_agg('($1).' || quote_ident(name), ', ') FROM unnest(named) AS name))
            USING NEW;
            RETURN NEW;
        END IF;
{not_null}        -- The trigger on contacts that holds the legacy table's rules listens to no other writes.
        PERFORM set_config('{marker}', 'on', true);
        IF NOT whole THEN
            named := array_remove(ARRAY[{changes}], NULL);
            IF named <> '{{}}' THEN
                EXECUTE format('UPDATE %s AS c SET %s WHERE c.id = ($2).id',
                               {contacts_name}, array_to_string(named, ', '))
                USING NEW, OLD;
            END IF;
        ELSIF {links_same} AND {email_same} THEN
            UPDATE {contacts} AS c SET {set_others} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        ELSIF {links_same} THEN
            UPDATE {contacts} AS c SET {set_email} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        ELSE
            UPDATE {contacts} AS c SET {set_all} WHERE c.id = OLD.id RETURNING {expressions} INTO NEW;
        END IF;
        IF whole OR named <> '{{}}' THEN
            GET DIAGNOSTICS written = ROW_COUNT; -- EXECUTE does not set FOUND
        END IF;
        PERFORM set_config('{marker}', '', true);
        IF written = 0 THEN
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
    END;
END
"""
