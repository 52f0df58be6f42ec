"""How a trigger of this project is made: one function of its own, safe to run for any role."""

from django.db.migrations import RunSQL

CREATE = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
{body}
$body$;

CREATE TRIGGER {trigger} {event} ON {table}
{each} EXECUTE FUNCTION {function}();

DO $secure$
DECLARE
    home record;
BEGIN
    SELECT relnamespace::regnamespace AS schema, pg_get_userbyid(relowner) AS owner
    INTO STRICT home FROM pg_class WHERE oid = to_regclass('companies');
    IF quote_ident(current_schema())::regnamespace <> home.schema THEN
        EXECUTE format('ALTER FUNCTION {function}() SET SCHEMA %s', home.schema);
    END IF;
    EXECUTE format('ALTER FUNCTION %s.{function}() SET search_path = %s, pg_temp',
                   home.schema, home.schema);
    EXECUTE format('REVOKE ALL ON FUNCTION %s.{function}() FROM PUBLIC', home.schema);
    IF home.owner <> current_user THEN
        EXECUTE format('ALTER FUNCTION %s.{function}() OWNER TO %I', home.schema, home.owner);
    END IF;
END
$secure$;
"""

# Somebody may have dropped it before: that must not stand in the way back.
DROP = """
DROP TRIGGER IF EXISTS {trigger} ON {table};
DROP FUNCTION IF EXISTS {function}();
"""


def create_trigger(
    trigger: str, event: str, table: str, body: str, each: str = "FOR EACH ROW"
) -> RunSQL:
    """Return the operation that makes ``trigger`` and its function, and drops them backwards.

    The function bears the trigger's name without its prefix ``trg_``. It runs with the rights of
    the owner of ``companies`` (the role that writes may lack rights on the tables that a rule
    reads), finds its tables in the schema of ``companies`` alone, wherever that is, and nobody
    else may execute it.

    Parameters: ``event`` is the SQL from BEFORE or AFTER on, ``body`` the function's PL/pgSQL,
    ``each`` the clauses between the table and the function: transition tables, row or statement,
    WHEN.
    """
    names = {"trigger": trigger, "function": trigger.removeprefix("trg_"), "table": table}
    return RunSQL(
        CREATE.format(**names, event=event, each=each, body=body.strip()), DROP.format(**names)
    )
