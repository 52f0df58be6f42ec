"""Which values of the rows to come a domain does not take."""

from collections.abc import Iterator

from django.db import IntegrityError, transaction

from contacts.restructuring.checks.tables.future_rows import CHANGING, Future
from contacts.restructuring.database.inspector import Inspector

DOMAINS = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = %s AND attname = ANY(%s) AND typtype = 'd'
     ORDER BY 1
"""


def refused_by_domains(inspector: Inspector, future: Future) -> Iterator[str]:
    """Say which values that rows get are refused by the domain of their column."""
    oid = inspector.layout.tables[future.table].oid
    for column, domain in inspector.rows(DOMAINS, [oid, list(future.columns)]):
        if future.unknowable([column]):
            continue
        for value in _values(inspector, future, column):
            if not _takes(inspector, domain, value):
                told = f"{future.table}.{column} is of the domain {domain}"
                yield f"{told}, which does not take {'NULL' if value is None else value}"


def _values(inspector: Inspector, future: Future, column: str) -> list[str | None]:
    """Return as text what the column gets, each value once; what stays is judged already."""
    name = inspector.text(column)
    return inspector.column(
        f"{future.clause} SELECT DISTINCT future.{name}::text FROM {future.table} AS future "
        f"LEFT JOIN {future.present(inspector)} AS present ON present.id = future.id "
        f"WHERE future.{CHANGING} AND (present.id IS NULL "
        f"OR future.{name}::text IS DISTINCT FROM present.{name}::text)"
    )


def _takes(inspector: Inspector, domain: str, value: str | None) -> bool:
    try:
        with transaction.atomic(using=inspector.connection.alias):
            inspector.cursor.execute(f"SELECT CAST(%s AS {domain})", [value])
    except IntegrityError:
        return False
    return True
