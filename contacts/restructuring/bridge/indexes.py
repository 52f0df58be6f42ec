"""The indexes on contacts of what the view customers computes, where its table had an index."""

from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge.columns import ViewColumn
from contacts.restructuring.bridge.description import INDEXES
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import compose, execute, rows

STANDING = """
    SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %s AND c.relname = ANY(%s)
"""


def make_indexes(cursor: Any, layout: Layout, columns: tuple[ViewColumn, ...]) -> None:
    """Make those that do not stand, or are of no use, in the open transaction."""
    sound = standing_indexes(cursor, layout)
    for column in columns:
        if column.name in INDEXES and INDEXES[column.name] not in sound:
            _drop(cursor, layout, INDEXES[column.name])
            cursor.execute(_create("CREATE INDEX", layout, column))


def make_indexes_beside(cursor: Any, layout: Layout, columns: tuple[ViewColumn, ...]) -> None:
    """Make all of them outside any transaction, while others write.

    What an earlier call has left that was killed is made anew: the tables may have changed.
    """
    drop_indexes_beside(cursor, layout)
    for column in columns:
        if column.name in INDEXES:
            cursor.execute(_create("CREATE INDEX CONCURRENTLY", layout, column))
    execute(cursor, "ANALYZE {}", layout.tables["contacts"].identifier)


def drop_indexes(cursor: Any, layout: Layout) -> None:
    """Drop them in the open transaction."""
    for name in INDEXES.values():
        _drop(cursor, layout, name)


def drop_indexes_beside(cursor: Any, layout: Layout) -> None:
    """Drop them outside any transaction, while others write."""
    for name in INDEXES.values():
        _drop(cursor, layout, name, "INDEX CONCURRENTLY")


def standing_indexes(cursor: Any, layout: Layout, *, valid: bool = True) -> set[str]:
    """Return the names of those that stand; ``valid``: and are of use."""
    found = rows(cursor, STANDING, [layout.tables["contacts"].oid, list(INDEXES.values())])
    return {name for name, sound in found if sound or not valid}


def _create(create: str, layout: Layout, column: ViewColumn) -> sql.Composed:
    name, table = INDEXES[column.name], layout.tables["contacts"].identifier
    return compose(f"{create} {{}} ON {{}} (({{}}))", name, table, column.expression)


def _drop(cursor: Any, layout: Layout, name: str, what: str = "INDEX") -> None:
    execute(cursor, f"DROP {what} IF EXISTS {{}}", (layout.tables["contacts"].schema, name))
