"""Rows of other programs' tables that refer to rows which a restore would take away.

Whatever their foreign keys would do then (refuse, delete or clear the row), those tables are not
ours to change: a restore stops and names the rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.backup.manifest import Backup, TableBackup
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.settings import temporarily
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import Failure
from contacts.restructuring.restore.difference import sources_now
from contacts.restructuring.restore.staging import WITHOUT_NESTED_LOOPS, load_rows, restored
from jmsk.postgres.queries import Part, column, compose, listed, rows, spelled, value
from jmsk.postgres.references import ForeignKey, foreign_keys_to

FIRST = 20
MOST_RANGES = 20
"""How many ranges of values may stand in a query; where there are more, it lists the values."""

PRIMARY_KEY = """
    SELECT a.attname::text FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
     WHERE i.indrelid = %s AND i.indisprimary
     ORDER BY a.attnum
"""
REFERRING = """
      FROM {referring} AS referring
      JOIN {table} AS present ON {same_key}
      LEFT JOIN {restored} AS past ON past.{key} = present.{key}
     WHERE {goes}
"""
RANGES = """
    SELECT min({value}), max({value})
      FROM (SELECT {value}, {goes} AS jmsk_goes,
                   row_number() OVER (ORDER BY {value})
                   - row_number() OVER (PARTITION BY {goes} ORDER BY {value}) AS jmsk_run
              FROM {table} AS present
              LEFT JOIN {restored} AS past ON past.{key} = present.{key}) AS present
     WHERE jmsk_goes AND EXISTS (SELECT 1 FROM {referring} AS referring WHERE {same_key})
     GROUP BY jmsk_run
     ORDER BY 1
     LIMIT {limit}
"""
"""The first and the last value referred to, of each run of rows that go, with none between them
that stays."""
INTEGERS = ("smallint", "integer", "bigint")


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


def refuse_references(found: Sequence[Reference], state: str) -> None:
    """Raise Failure, naming the first rows, if something is in ``found``.

    ``state`` says what has become of the database.
    """
    if not found:
        return
    first = "; ".join(
        f"{item.number:,} of {item.referring}, such as {item.rows[0]}" for item in found
    )
    queries = " ".join(f"{item.query};" for item in found)
    raise Failure(
        "MC703",
        f"Rows of other tables refer to rows that the backup does not have: {first}. {state} "
        f"Decide what becomes of them, then run again. These queries find all: {queries}",
    )


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
            for reference in _to_table(cursor, layout.holding(table.table), table, ours)
        )


def _to_table(
    cursor: Any, table: Table, backup: TableBackup, ours: list[int]
) -> Iterator[Reference]:
    for key in foreign_keys_to(cursor, [table.oid], ours):
        parts = _parts(table, backup, key)
        referring = compose(REFERRING, **parts)
        number = value(cursor, compose("SELECT count(*) {}", referring))
        if number:
            first = tuple(_first(cursor, key, referring))
            query = _query(cursor, table, key, referring, parts)
            yield Reference(key.name, key.table, table.name, number, first, query)


def _parts(table: Table, backup: TableBackup, key: ForeignKey) -> dict[str, Part]:
    goes = [
        compose("past.{} IS NULL", backup.key),
        *(
            compose("past.{0} IS DISTINCT FROM present.{0}", name)
            for name in key.target_columns
            if name in backup.stored_names
        ),
    ]
    return {
        "referring": key.identifier,
        "table": table.identifier,
        "restored": restored(backup.table),
        "key": backup.key,
        "same_key": key.matches("referring", "present"),
        "goes": compose("({})", listed(goes, " OR ")),
    }


def _first(cursor: Any, key: ForeignKey, referring: sql.Composed) -> Iterator[str]:
    """Say of the first rows which they are, and what they refer to."""
    identity = tuple(column(cursor, PRIMARY_KEY, [key.oid])) or key.columns
    query = compose(
        f"SELECT {{shown}} {{rows}} ORDER BY {{order}} LIMIT {FIRST}",
        shown=_texts((*identity, *key.columns)),
        rows=referring,
        order=listed(("referring", name) for name in identity),
    )
    for values in rows(cursor, query):
        row = _named(identity, values[: len(identity)])
        target = _named(key.target_columns, values[len(identity) :])
        yield f"{key.table} {row} refers to {key.target} {target}"


def _named(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def _texts(names: tuple[str, ...]) -> sql.Composed:
    return listed(compose("{}::text", ("referring", name)) for name in names)


def _query(
    cursor: Any, table: Table, key: ForeignKey, referring: sql.Composed, parts: dict[str, Part]
) -> str:
    """Return a query that finds all the rows without the backup: by the values they refer to."""
    columns = listed(key.columns)
    if ranges := _ranges(cursor, table, key, parts):
        between = "{} BETWEEN {} AND {}"
        pairs = (compose(between, columns, *map(sql.Literal, pair)) for pair in ranges)
        condition = listed(pairs, " OR ")
    else:
        distinct = compose("SELECT DISTINCT {} {}", _texts(key.columns), referring)
        found = sorted(rows(cursor, distinct))
        wanted = listed(compose("({})", listed(map(sql.Literal, values))) for values in found)
        condition = compose("({}) IN ({})", columns, wanted)
    return spelled(cursor, compose("SELECT * FROM {} WHERE {}", key.identifier, condition))


def _ranges(
    cursor: Any, table: Table, key: ForeignKey, parts: dict[str, Part]
) -> list[tuple[Any, ...]]:
    """Return the ranges of integers that go, or none where a list of values is better."""
    if len(key.columns) > 1 or table.by_name[key.target_columns[0]].type not in INTEGERS:
        return []
    referred, limit = ("present", key.target_columns[0]), sql.Literal(MOST_RANGES + 1)
    found = rows(cursor, compose(RANGES, value=referred, limit=limit, **parts))
    return found if len(found) <= MOST_RANGES else []
