"""Which rows of a table other tables' foreign keys refer to, whatever their ON DELETE says."""

from collections.abc import Collection
from typing import Any

from psycopg2 import sql

FOREIGN_KEYS = """
    SELECT n.nspname, r.relname,
           ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
                  ORDER BY k.place),
           ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number
                  ORDER BY k.place)
      FROM pg_constraint c
      JOIN pg_class r ON r.oid = c.conrelid
      JOIN pg_namespace n ON n.oid = r.relnamespace
     WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = %s::regclass
       AND c.conrelid <> ALL (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name
                               WHERE to_regclass(name) IS NOT NULL)
     ORDER BY c.oid
"""
REFERRED = """
    SELECT id FROM {table} AS referred
     WHERE id = ANY({ids}) AND EXISTS (SELECT 1 FROM {referring} AS referring WHERE {same})
"""


def referred_rows(
    cursor: Any, table: str, ids: Collection[int], but_for: Collection[str] = ()
) -> list[int]:
    """Return those of ``ids`` to whose rows in ``table`` a foreign key refers.

    Foreign keys of the tables ``but_for`` do not count. Names mean those in the search path.
    """
    if not ids:
        return []
    cursor.execute(FOREIGN_KEYS, [table, list(but_for)])
    found: set[int] = set()
    for schema, relation, columns, referenced in cursor.fetchall():
        same = sql.SQL(" AND ").join(
            sql.SQL("referring.{} = referred.{}").format(sql.Identifier(of), sql.Identifier(to))
            for of, to in zip(columns, referenced, strict=True)
        )
        statement = sql.SQL(REFERRED).format(
            table=sql.Identifier(table),
            ids=sql.Literal(list(ids)),
            referring=sql.Identifier(schema, relation),
            same=same,
        )
        cursor.execute(statement)
        found.update(row for (row,) in cursor.fetchall())
    return sorted(found)
