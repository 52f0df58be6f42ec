"""What the tests of the bridge share: making one, sessions that see it, and what errors say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from django.db import connection, transaction
from psycopg2 import extensions

from contacts.restructuring.bridge.create import create_bridge
from contacts.restructuring.bridge.description import Bridge, read_bridge
from contacts.restructuring.bridge.drop import drop_bridge
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.settings import use_schema
from tests.support.database.databases import Database

LEGACY_PATH = "legacy, public"


def make_bridge(schema: str = "legacy", roles: tuple[str, ...] = ()) -> Bridge:
    """Make the bridge of the migrated database that Django uses."""
    layout = read_layout(connection)
    with transaction.atomic(), connection.cursor() as cursor:
        use_schema(cursor, layout.schema)
        made = create_bridge(cursor, layout, schema, roles)
    assert made is not None
    return made


def take_away_bridge() -> list[str]:
    """Drop the bridge of the database that Django uses; return what was left."""
    layout = read_layout(connection)
    with transaction.atomic(), connection.cursor() as cursor:
        use_schema(cursor, layout.schema)
        standing = read_bridge(cursor)
        assert standing is not None
        return drop_bridge(cursor, layout, standing)


@dataclass(frozen=True)
class Refusal:
    """What an application is told of an error: what its code may look at."""

    sqlstate: str | None
    table: str | None
    constraint: str | None
    column: str | None
    message: str | None


@contextmanager
def session(
    database: Database, role: str = "", path: str = LEGACY_PATH
) -> Iterator[extensions.connection]:
    """Open a session that sees the bridge, in a transaction that is rolled back in the end."""
    opened = psycopg2.connect(database.url)
    try:
        with opened.cursor() as cursor:
            cursor.execute("SELECT set_config('search_path', %s, false)", [path])
            if role:
                cursor.execute("SELECT set_config('role', %s, false)", [role])
        opened.commit()
        yield opened
    finally:
        opened.close()


def rows(
    opened: extensions.connection, statement: str, params: Any = None
) -> list[tuple[Any, ...]]:
    """Run a statement; return its rows, or none where it gives none."""
    with opened.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall()) if cursor.description else []


def value(opened: extensions.connection, statement: str, params: Any = None) -> Any:
    """Return the first column of the first row."""
    return rows(opened, statement, params)[0][0]


def refusal(opened: extensions.connection, statement: str) -> Refusal:
    """Attempt a statement that has to fail; return what is told of it, and roll back."""
    try:
        rows(opened, statement)
    except psycopg2.Error as error:
        told = error.diag
        return Refusal(
            error.pgcode,
            told.table_name or None,
            told.constraint_name or None,
            told.column_name or None,
            told.message_primary,
        )
    finally:
        opened.rollback()
    raise AssertionError(f"nothing refused {statement}")
