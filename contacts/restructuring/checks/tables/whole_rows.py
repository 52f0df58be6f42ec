"""Functions of others that use whole rows, which get other columns by the change.

``INSERT INTO history SELECT now(), OLD.*`` works until the row has a column more than the history:
then every UPDATE fails. A row as one value, ``to_jsonb(NEW)``, and a comparison of two rows go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from contacts.restructuring.checks.base import Check, Severity
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.expected import triggers
from contacts.restructuring.state.legacy_objects import TABLES, now_called

WHOLE_ROW = r"\m(old|new)\M\s*\)?\s*\.\s*\*"
COMPARED = rf"row\s*\(\s*{WHOLE_ROW}\s*\)|{WHOLE_ROW}"
COMPARISON = rf"({COMPARED})\s*(=|<>|!=|is\s+(not\s+)?distinct\s+from)\s*({COMPARED})"
BY_TRIGGERS = """
    SELECT c.relname::text, t.tgname::text, p.oid::regprocedure::text
      FROM pg_trigger t
      JOIN pg_class c ON c.oid = t.tgrelid
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgrelid = ANY(%(tables)s::oid[]) AND NOT t.tgisinternal AND t.tgname <> ALL(%(own)s)
       AND regexp_replace(p.prosrc, %(comparison)s, '', 'gi') ~* %(whole_row)s
     ORDER BY 1, 2
"""
BY_TYPE = r"""
    SELECT c.relname::text, p.oid::regprocedure::text
      FROM pg_class c
      JOIN pg_type t ON t.oid = c.reltype
      JOIN pg_proc p ON p.prosrc ~* ('\m' || c.relname || '\M"?\s*%%\s*rowtype')
                     OR p.prorettype IN (t.oid, t.typarray)
                     OR p.proargtypes::oid[] && ARRAY[t.oid, t.typarray]
     WHERE c.oid = ANY(%(tables)s::oid[])
       AND p.pronamespace <> ALL(ARRAY['pg_catalog', 'information_schema']::regnamespace[])
     ORDER BY 1, 2
"""


def whole_rows(
    inspector: Inspector, columns: Mapping[str, Sequence[str]], change: str
) -> Iterator[str]:
    """Find functions that use whole rows of tables.

    Parameters: the columns that come or go by table, and a word for that.
    """
    parameters = {
        "tables": inspector.oids(columns),
        "own": list(triggers()),
        "comparison": COMPARISON,
        "whole_row": WHOLE_ROW,
    }
    told = {table: f"which {change} {', '.join(names)}" for table, names in columns.items()}
    for table, trigger, function in inspector.rows(BY_TRIGGERS, parameters):
        yield (
            f"Trigger {trigger} on {table}: function {function} uses all columns of a row "
            f"(OLD.* or NEW.*), {told[table]}"
        )
    for table, function in inspector.rows(BY_TYPE, parameters):
        yield f"Function {function} uses the row type of {table}, {told[table]}"


BEFORE = {table: ADDED[now_called(table)] for table in TABLES}
WHOLE_ROWS, WHOLE_ROWS_BACK = (
    Check(
        "whole_rows",
        "No function uses whole rows",
        partial(whole_rows, columns=columns, change=change),
        "Let these functions name the columns that they mean, or change the tables that they write "
        "to together with this one: else every change of such a row may fail afterwards. A row as "
        "one value, as in to_jsonb(NEW), is no problem.",
        Severity.WARNING,
    )
    for columns, change in ((BEFORE, "gets"), (ADDED, "loses"))
)
