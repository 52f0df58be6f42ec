"""Which foreign keys refer to a table, and which of its rows they refer to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from jmsk.postgres.catalogue import column_names
from jmsk.postgres.queries import column, compose, listed, rows

FOREIGN_KEYS = f"""
    SELECT c.conname, n.nspname, r.relname, r.oid::bigint,
           {column_names("c.conkey", "c.conrelid")}, t.relname,
           {column_names("c.confkey", "c.confrelid")}, i.relname
      FROM pg_constraint c
      JOIN pg_class r ON r.oid = c.conrelid
      JOIN pg_namespace n ON n.oid = r.relnamespace
      JOIN pg_class t ON t.oid = c.confrelid
      JOIN pg_class i ON i.oid = c.conindid
     WHERE c.contype = 'f' AND c.confrelid = ANY(%(to)s::oid[])
       AND c.conrelid <> ALL(%(but_of)s::oid[]) AND (c.conparentid = 0 OR %(partitions)s)
     ORDER BY n.nspname, r.relname, c.conname
"""
OIDS = """
    SELECT to_regclass(name)::oid::bigint FROM unnest(%s::text[]) AS name
     WHERE to_regclass(name) IS NOT NULL
"""
REFERRED = """
    SELECT id FROM {table} AS referred
     WHERE id = ANY({ids}) AND EXISTS (SELECT 1 FROM {referring} AS referring WHERE {same})
"""


@dataclass(frozen=True)
class ForeignKey:
    """The foreign key ``name``: ``columns`` of a table refer to ``target_columns`` of ``target``.

    ``oid`` is that of the table ``schema.table`` which refers; ``index`` is the one of the target
    by which the server finds what is referred to.
    """

    name: str
    schema: str
    table: str
    oid: int
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    index: str

    @property
    def identifier(self) -> sql.Identifier:
        """The table that refers."""
        return sql.Identifier(self.schema, self.table)

    def matches(self, referring: str, referred: str) -> sql.Composed:
        """Return the condition that a row refers to another; parameters: the tables' aliases."""
        pairs = zip(self.columns, self.target_columns, strict=True)
        same = (compose("{} = {}", (referred, to), (referring, of)) for of, to in pairs)
        return listed(same, " AND ")


def foreign_keys_to(
    cursor: Any,
    tables: Collection[int],
    but_of: Collection[int] = (),
    *,
    partitions: bool = False,
) -> tuple[ForeignKey, ...]:
    """Return the foreign keys that refer to ``tables``, by table and name.

    Parameters: ``tables`` and ``but_of``, whose own do not count, are oids; ``partitions``, whether
    a partitioned table's key counts for each partition as well.
    """
    wanted = {"to": list(tables), "but_of": list(but_of), "partitions": partitions}
    return tuple(
        ForeignKey(name, schema, table, oid, tuple(of), target, tuple(to), index)
        for name, schema, table, oid, of, target, to, index in rows(cursor, FOREIGN_KEYS, wanted)
    )


def referred_rows(
    cursor: Any, table: str, ids: Collection[int], but_for: Mapping[str, str]
) -> list[int]:
    """Return those of ``ids`` to whose rows in ``table`` a foreign key refers.

    ``but_for`` names, by table, a column whose foreign keys do not count. Names mean those in the
    search path.
    """
    if not ids:
        return []
    found: set[int] = set()
    left_out = {oid: part for name, part in but_for.items() for oid in _oids(cursor, [name])}
    for key in foreign_keys_to(cursor, _oids(cursor, [table])):
        if left_out.get(key.oid) in key.columns:
            continue
        statement = compose(
            REFERRED,
            table=table,
            ids=sql.Literal(list(ids)),
            referring=key.identifier,
            same=key.matches("referring", "referred"),
        )
        found.update(column(cursor, statement))
    return sorted(found)


def _oids(cursor: Any, names: Collection[str]) -> list[int]:
    return column(cursor, OIDS, [list(names)])
