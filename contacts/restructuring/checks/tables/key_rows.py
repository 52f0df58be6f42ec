"""The rows that break a key: of which others have the same, or which refer to none."""

from contacts.restructuring.checks.base import Finding, rows, verbatim
from contacts.restructuring.database.inspector import Inspector
from jmsk.postgres.catalogue import TableObject
from jmsk.postgres.queries import listed

OFFENDING = "{offending}"
"""The value in which a row offends, under the name that the queries give it."""


def without_target(
    inspector: Inspector, table: str, want: TableObject, clause: str = ""
) -> Finding:
    """Find the rows of ``table`` whose foreign key ``want`` leads nowhere.

    ``clause`` is a WITH in which the tables' names mean something else than the tables.
    """
    pairs = [
        tuple(map(inspector.text, pair))
        for pair in zip(want.columns, want.target_columns, strict=True)
    ]
    filled = " AND ".join(f"referring.{column} IS NOT NULL" for column, _ in pairs)
    columns = ", ".join(f"referring.{column}" for column, _ in pairs)
    same = " AND ".join(f"target.{key} = referring.{column}" for column, key in pairs)
    query = (
        f"{clause} SELECT id, ROW({columns})::text AS offending FROM {table} AS referring "
        f"WHERE {filled} AND NOT EXISTS (SELECT 1 FROM {want.target} AS target WHERE {same})"
    )
    told = f"Row {{id}} of {table} breaks {verbatim(want.name)}: no such row in "
    return rows(inspector, query, told + verbatim(want.target), value=OFFENDING)


def shared(inspector: Inspector, table: str, want: TableObject, clause: str = "") -> Finding:
    """Find the rows of ``table`` that share what ``want`` holds to be unique."""
    keys = inspector.text(listed(want.columns))
    only = f" AND {want.predicate}" if want.predicate else ""
    query = (
        f"{clause} SELECT min(id) AS id, count(*) AS rows, ROW({keys})::text AS offending "
        f"FROM {table} WHERE ({keys}) IS NOT NULL{only} GROUP BY {keys} HAVING count(*) > 1"
    )
    told = f"{{rows}} rows of {table}, of which {{id}}, share the "
    sentence = told + verbatim(f"{', '.join(want.columns)} of {want.name}")
    return rows(inspector, query, sentence, value=OFFENDING)


def without_value(inspector: Inspector, table: str, column: str, clause: str = "") -> Finding:
    """Find the rows of ``table`` in which ``column`` is NULL."""
    query = f"{clause} SELECT id FROM {table} WHERE {inspector.text(column)} IS NULL"
    return rows(inspector, query, f"Row {{id}} of {table} has no {verbatim(column)}")
