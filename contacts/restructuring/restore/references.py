"""Rows of other programs' tables that refer to rows which a restore would take away.

Whatever their foreign keys would do then (refuse, delete or clear the row), those tables are not
ours to change: a restore stops and names the rows.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.backup.manifest import Backup, TableBackup
from contacts.restructuring.database.layout import Layout, Table
from contacts.restructuring.database.settings import temporarily
from contacts.restructuring.restore.difference import sources_now, table_now
from contacts.restructuring.restore.staging import WITHOUT_NESTED_LOOPS, load_rows, restored

FIRST = 20
MOST_KEYS = 1000

FOREIGN_KEYS = """
    SELECT c.conname, n.nspname, r.relname,
           (SELECT array_agg(a.attname::text ORDER BY k.place)
              FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
              JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number),
           (SELECT array_agg(a.attname::text ORDER BY k.place)
              FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
              JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number),
           coalesce((SELECT array_agg(a.attname::text ORDER BY a.attnum)
              FROM pg_index i JOIN pg_attribute a
                ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
             WHERE i.indrelid = c.conrelid AND i.indisprimary), '{}')
      FROM pg_constraint c
      JOIN pg_class r ON r.oid = c.conrelid
      JOIN pg_namespace n ON n.oid = r.relnamespace
     WHERE c.contype = 'f' AND c.confrelid = %s AND c.conparentid = 0
       AND c.conrelid <> ALL(%s::oid[])
     ORDER BY n.nspname, r.relname, c.conname
"""
REFERRING = """
      FROM {referring} AS referring
      JOIN {table} AS present ON {same_key}
      LEFT JOIN {restored} AS past ON past.{key} = present.{key}
     WHERE past.{key} IS NULL OR {key_changes}
"""


@dataclass(frozen=True)
class Reference:
    """Rows of ``referring`` that refer by ``constraint`` to rows of ``table`` that cannot go.

    ``number`` of them; ``rows`` says of the first which they are, and ``query`` finds them all.
    """

    constraint: str
    referring: str
    table: str
    number: int
    rows: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class _ForeignKey:
    name: str
    schema: str
    relation: str
    columns: tuple[str, ...]
    referenced: tuple[str, ...]
    primary_key: tuple[str, ...]


def references_in_the_way(cursor: Any, layout: Layout, backup: Backup) -> tuple[Reference, ...]:
    """Return the references of other tables to rows that a restore of ``backup`` would take away.

    A row goes if the backup lacks it, or has it under another value of the referenced column.
    Takes a transaction such as restore_plan does.
    """
    if not sources_now(layout, backup):
        return ()
    load_rows(cursor, backup)
    ours = [table.oid for table in layout.tables.values()]
    with temporarily(cursor, WITHOUT_NESTED_LOOPS):
        return tuple(
            reference
            for table in backup.manifest.tables
            for reference in _to_table(cursor, table_now(layout, table.table), table, ours)
        )


def _to_table(
    cursor: Any, table: Table, backup: TableBackup, ours: Collection[int]
) -> Iterator[Reference]:
    cursor.execute(FOREIGN_KEYS, [table.oid, list(ours)])
    for name, schema, relation, *columns in cursor.fetchall():
        key = _ForeignKey(name, schema, relation, *(tuple(names) for names in columns))
        found = _reference(cursor, table, backup, key)
        if found:
            yield found


def _reference(
    cursor: Any, table: Table, backup: TableBackup, key: _ForeignKey
) -> Reference | None:
    rows = _from_clause(table, backup, key)
    cursor.execute(sql.SQL("SELECT count(*) {}").format(rows))
    number = cursor.fetchone()[0]
    if not number:
        return None
    return Reference(
        constraint=key.name,
        referring=key.relation,
        table=table.name,
        number=number,
        rows=tuple(_first(cursor, table, key, rows)),
        query=_query(cursor, key, rows),
    )


def _from_clause(table: Table, backup: TableBackup, key: _ForeignKey) -> sql.Composed:
    known = [name for name in key.referenced if name in backup.stored_names]
    changes = [
        sql.SQL("past.{0} IS DISTINCT FROM present.{0}").format(sql.Identifier(name))
        for name in known
    ]
    return sql.SQL(REFERRING).format(
        referring=sql.Identifier(key.schema, key.relation),
        table=sql.Identifier(table.schema, table.name),
        restored=restored(backup.table),
        key=sql.Identifier(backup.key),
        key_changes=sql.SQL(" OR ").join(changes) if changes else sql.SQL("false"),
        same_key=sql.SQL(" AND ").join(
            sql.SQL("present.{} = referring.{}").format(sql.Identifier(to), sql.Identifier(of))
            for of, to in zip(key.columns, key.referenced, strict=True)
        ),
    )


def _first(cursor: Any, table: Table, key: _ForeignKey, rows: sql.Composed) -> Iterator[str]:
    identity = key.primary_key or key.columns
    shown = [sql.SQL("referring.{}::text").format(sql.Identifier(name)) for name in identity]
    shown += [sql.SQL("referring.{}::text").format(sql.Identifier(name)) for name in key.columns]
    query = sql.SQL("SELECT {} {} ORDER BY {} LIMIT {}")
    order = sql.SQL(", ").join(sql.SQL("referring.{}").format(sql.Identifier(n)) for n in identity)
    cursor.execute(query.format(sql.SQL(", ").join(shown), rows, order, sql.Literal(FIRST)))
    for values in cursor.fetchall():
        row = _named(identity, values[: len(identity)])
        target = _named(key.referenced, values[len(identity) :])
        yield f"{key.relation} {row} refers to {table.name} {target}"


def _named(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def _query(cursor: Any, key: _ForeignKey, rows: sql.Composed) -> str:
    """A query that finds the rows without the backup: by the values that they refer to."""
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in key.columns)
    values = sql.SQL(", ").join(
        sql.SQL("referring.{}::text").format(sql.Identifier(name)) for name in key.columns
    )
    distinct = sql.SQL("SELECT DISTINCT {} {} LIMIT {}")
    cursor.execute(distinct.format(values, rows, sql.Literal(MOST_KEYS)))
    wanted = [
        sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, row)))
        for row in sorted(cursor.fetchall())
    ]
    query = sql.SQL("SELECT * FROM {} WHERE ({}) IN ({})").format(
        sql.Identifier(key.schema, key.relation), columns, sql.SQL(", ").join(wanted)
    )
    return str(query.as_string(cursor.connection))
