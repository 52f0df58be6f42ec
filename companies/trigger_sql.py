"""How a trigger of this project is made: one function of its own, safe to run for any role."""

from typing import Any

from django.db.migrations import RunSQL

CREATE = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
{body}
$body$;

{definition};

DO $secure$
DECLARE
    home record;
BEGIN
    SELECT relnamespace::regnamespace::text AS schema, pg_get_userbyid(relowner) AS owner
    INTO STRICT home FROM pg_class WHERE oid = to_regclass('companies');
    IF pg_catalog.quote_ident(current_schema()::text) <> home.schema THEN
        EXECUTE pg_catalog.format('ALTER FUNCTION {name}() SET SCHEMA %s', home.schema);
    END IF;
    EXECUTE pg_catalog.format(
        'ALTER FUNCTION %s.{name}() SET search_path = pg_catalog, %s, pg_temp',
        home.schema, home.schema);
    EXECUTE pg_catalog.format('ALTER FUNCTION %s.{name}() SET row_security = off', home.schema);
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s.{name}() FROM PUBLIC', home.schema);
    IF home.owner <> current_user THEN
        EXECUTE pg_catalog.format(
            'ALTER FUNCTION %s.{name}() OWNER TO %I', home.schema, home.owner);
    END IF;
END
$secure$;
"""

# Somebody may have dropped it before: that must not stand in the way back.
DROP = """
DROP TRIGGER IF EXISTS {name} ON {table};
DROP FUNCTION IF EXISTS {name}();
"""


def function_settings(schema: str) -> list[str]:
    """Return the settings of each function, as the catalogue spells them (``proconfig``).

    ``schema`` is that of the tables, quoted where it has to be.
    """
    return [f"search_path=pg_catalog, {schema}, pg_temp", "row_security=off"]


class CreateTrigger(RunSQL):
    """Make a trigger and its function, which bears the same name; drop both backwards.

    The function runs with the rights of the owner of ``companies``: the role that writes may lack
    rights on the tables that a rule reads. It is safe to do so, because

    - it finds its tables in the schema of ``companies`` alone, wherever that is, and functions and
      operators in ``pg_catalog`` first. Where others may create in that schema, an operator or a
      function of theirs would still win if its arguments fitted better than those of the
      server's: so bodies qualify functions, and use operators on the very types that the server
      has them for;
    - a row that a policy hides is an error and never "missing" (``row_security``);
    - nobody else may execute it.

    Parameters: ``event`` is the SQL from BEFORE or AFTER on, ``body`` the function's PL/pgSQL,
    ``each`` the clauses between the table and the function: deferral, transition tables, row or
    statement, WHEN; ``constraint`` whether it is a constraint trigger. What they say is spelled as
    the server spells it (``pg_get_triggerdef``), so that verification can compare the two.
    """

    def __init__(
        self,
        name: str,
        event: str,
        table: str,
        body: str,
        *,
        each: str = "FOR EACH ROW",
        constraint: bool = False,
    ) -> None:
        self.name = name
        self.event = event
        self.table = table
        self.body = body.strip()
        self.each = each
        self.constraint = constraint
        parts = {"name": name, "table": table, "body": self.body, "definition": self.definition}
        super().__init__(CREATE.format(**parts), DROP.format(**parts))

    @property
    def definition(self) -> str:
        """The statement that makes the trigger, as ``pg_get_triggerdef`` prints it."""
        kind = "CONSTRAINT TRIGGER" if self.constraint else "TRIGGER"
        return (
            f"CREATE {kind} {self.name} {self.event} ON {self.table} {self.each} "
            f"EXECUTE FUNCTION {self.name}()"
        )

    def deconstruct(self) -> Any:
        options = {"each": self.each, "constraint": self.constraint}
        return type(self).__name__, [self.name, self.event, self.table, self.body], options

    def describe(self) -> str:
        return f"Create trigger {self.name} on {self.table}"
