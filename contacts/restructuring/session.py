"""Which database this is, and how to look at it without changing it."""

import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import django
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.checks import Scene
from contacts.restructuring.fingerprint import pin_settings
from contacts.restructuring.locks import EVERYDAY_PATIENCE, Patience
from contacts.restructuring.sharing import reading
from contacts.restructuring.stage import Layout


@dataclass(frozen=True)
class Database:
    """Where the data is and what works on it. Never a password."""

    name: str
    host: str
    user: str
    server_version: str
    tool_version: str
    python_version: str = platform.python_version()
    django_version: str = django.get_version()

    def __str__(self) -> str:
        return f"{self.name} on {self.host}, as {self.user} (PostgreSQL {self.server_version})"


def describe_database(connection: BaseDatabaseWrapper) -> Database:
    """Ask the server what it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_user, current_setting('server_version')")
        name, user, version = cursor.fetchone()
    parameters = connection.connection.get_dsn_parameters()
    host, port = parameters.get("host", "local socket"), parameters.get("port", "5432")
    return Database(name, f"{host}:{port}", user, version.split(" ")[0], tool_version())


def tool_version() -> str:
    """Return the version of this project, or 'unknown' if it is not installed as a package."""
    try:
        return metadata.version("jmsk")
    except metadata.PackageNotFoundError:
        return "unknown"


def use_schema(cursor: Any, schema: str) -> None:
    """Let unqualified names mean the tables' own schema first, until the transaction ends."""
    cursor.execute(
        "SELECT set_config('search_path', concat_ws(', ', quote_ident(%s), "
        "nullif(current_setting('search_path'), '')), true)",
        [schema],
    )


def apply_reading_settings(cursor: Any) -> None:
    """Set, until the transaction ends, what long reading needs.

    The role's timeouts are lifted, and a lock is waited for, but not for ever. To compile a query
    (jit) takes longer than it saves: the backup of a million orders is a tenth faster without.
    """
    cursor.execute(
        "SELECT set_config(name, %s::json ->> name, true) FROM pg_settings WHERE name = ANY(%s)",
        [json.dumps(READING_SETTINGS), list(READING_SETTINGS)],
    )


SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"
READING_SETTINGS = {
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "5min",
    "lock_timeout": "30s",
    "jit": "off",
}


@contextmanager
def looking(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    patience: Patience = EVERYDAY_PATIENCE,
    wait: Callable[[str], None] = lambda told: None,
) -> Iterator[Scene]:
    """Give a :class:`Scene` in one read-only snapshot, in which nothing can be changed.

    Who keeps readers out of the tables is waited for with ``patience``; ``wait`` is told who.
    """
    with reading(connection, patience, wait, SNAPSHOT) as cursor:
        apply_reading_settings(cursor)
        use_schema(cursor, layout.schema)
        pin_settings(cursor)
        yield Scene(connection, cursor, layout)
