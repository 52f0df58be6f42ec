"""What a restore will replace, and what has changed since the backup was taken."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg2 import sql

from contacts.restructuring.backup.manifest import Backup, Progress, TableBackup, unheard
from contacts.restructuring.database.layout import Layout, Stage
from contacts.restructuring.proof.legacy_meaning import (
    CUSTOMER_MEANING,
    ORDER_MEANING,
    Source,
    plain_source,
    without_rows,
)
from contacts.restructuring.restore.staging import load_rows, restored
from jmsk.postgres.queries import Part, compose, listed, row, value

# *<> compares the stored bytes, which is quick; the text, as fingerprints see it, decides.
COMPARE = """
    SELECT count(*) FILTER (WHERE past.here IS NULL), count(*) FILTER (WHERE now.here IS NULL),
           count(*) FILTER (WHERE now.image *<> past.image AND now.image::text <> past.image::text)
      FROM (SELECT {now_key} AS key, true AS here, ROW({now_columns}) AS image
              FROM {table} {where}) AS now
      FULL JOIN (SELECT {key} AS key, true AS here, ROW({columns}) AS image
                   FROM {restored}) AS past USING (key)
"""
COUNT = "SELECT count(*) FROM {table} {where}"


@dataclass(frozen=True)
class Change:
    """What a restore does to a table: rows there now, rows in the backup, and the difference.

    ``deleted`` rows are not in the backup, ``added`` ones not in the database, ``changed`` ones
    in both, but different.
    """

    table: str
    now: int
    backup: int
    deleted: int
    added: int
    changed: int


def restore_plan(
    cursor: Any,
    layout: Layout,
    backup: Backup,
    going_companies: Collection[int] = (),
    progress: Progress = unheard,
) -> tuple[Change, ...]:
    """Return what restoring ``backup`` would do to each table. Changes nothing.

    A migrated database is read as the legacy one that it was: ``going_companies`` are the ids of
    the companies that go when it is brought back. Takes a transaction that may create tables, to be
    rolled back, with the settings of database.settings.TEXT and the tables' schema first in the
    search path.
    """
    sources = sources_now(layout, backup, going_companies)
    if not sources:
        return tuple(
            Change(table.table, 0, table.rows, 0, table.rows, 0) for table in backup.manifest.tables
        )
    load_rows(cursor, backup, progress)
    return tuple(_compare(cursor, table, sources[table.table]) for table in backup.manifest.tables)


def sources_now(
    layout: Layout, backup: Backup, going_companies: Collection[int] = ()
) -> dict[str, Source]:
    """Return how to read each of the backup's tables in the database as it is, {} if empty."""
    if layout.stage == Stage.EMPTY:
        return {}
    meaning = MEANING if was_migrated_since(layout, backup) else {}
    sources = {}
    for table in backup.manifest.tables:
        now = plain_source(layout.holding(table.table))
        plain = {name: sql.Identifier(name) for name in table.stored_names}
        columns = {**plain, **meaning.get(table.table, {})}
        sources[table.table] = replace(now, table=table.table, columns=columns)
    if meaning:
        created = without_rows(going_companies)
        sources["companies"] = replace(sources["companies"], where=created)
    return sources


MEANING: Mapping[str, Mapping[str, sql.Composable]] = {
    "customers": CUSTOMER_MEANING,
    "orders": ORDER_MEANING,
}


def was_migrated_since(layout: Layout, backup: Backup) -> bool:
    """Return whether the backup is older than the migration of the database."""
    return layout.stage == Stage.MIGRATED and backup.manifest.stage == Stage.LEGACY


def _compare(cursor: Any, table: TableBackup, source: Source) -> Change:
    parts: dict[str, Part] = {"table": (source.schema, source.relation), "where": source.where}
    now = value(cursor, compose(COUNT, **parts))
    query = compose(
        COMPARE,
        now_key=source.columns[table.key],
        now_columns=listed(_cast(table, source)),
        key=table.key,
        columns=listed(source.columns),
        restored=restored(table.table),
        **parts,
    )
    deleted, added, changed = row(cursor, query)
    return Change(table.table, now, table.rows, deleted, added, changed)


def _cast(table: TableBackup, source: Source) -> Iterator[sql.Composable]:
    """The columns in the backup's types: records of other types cannot be compared."""
    types = {column.name: column.type for column in table.columns}
    for name, expression in source.columns.items():
        yield compose("CAST({} AS {})", expression, sql.SQL(types[name]))
