"""The settings of a transaction: what the text of a row, a wait and the speed of a query depend on.

All are set by SET LOCAL. So they end with the transaction, as they must behind a transaction
pooler, and no snapshot is taken for them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.conf import settings
from psycopg2 import sql

from contacts.restructuring.database.locking.patience import Patience
from jmsk.postgres.django_schema import EMPTY
from jmsk.postgres.queries import compose, listed, rows, spelled, value

TEXT = {
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "row_security": "off",
    "extra_float_digits": "1",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "TimeZone": "UTC",
    "xmloption": "content",
    "quote_all_identifiers": "off",
    "lc_monetary": "C",
}
"""What pg_dump pins, too: on these depend the text of a row and of a definition, and how a
statement is read. With row_security off, a policy that hides rows is an error instead of a smaller
count."""

NO_LIMITS = {"statement_timeout": "0", "transaction_timeout": "0"}
"""The role's own timeouts must not cut a run in two."""

READING = {
    **NO_LIMITS,
    "idle_in_transaction_session_timeout": "5min",
    "lock_timeout": "30s",
    "jit": "off",
}
"""For long reading. To compile a query (jit) takes longer than it saves: the backup of a million
orders is a tenth faster without."""

CHANGING = {
    **NO_LIMITS,
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "10s",
    "jit": "off",
}
"""For a run: a client that has vanished must not hold locks for hours."""

MEMORY = {"work_mem": 64 * 1024, "maintenance_work_mem": 256 * 1024}
"""Kilobytes, for one session that rewrites a table and builds its indexes while all others wait.
Where the server grants more, that stays."""

GRANTED = """
    SELECT name, pg_size_bytes(current_setting(name)) / 1024 FROM unnest(%s::text[]) AS name
"""
IN_FORCE = """
    SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name
     WHERE current_setting(name, true) IS NOT NULL ORDER BY name COLLATE "C"
"""
"""Not from pg_settings, which works out all of its hundreds of rows: a preparation asks in each of
its many short transactions."""

SINCE = {"transaction_timeout": 170000}
"""The server's version that brought a setting."""

LITERAL: dict[str, Callable[[str], sql.Composable]] = {
    "search_path": lambda path: sql.SQL("''" if path in EMPTY else path)
}
"""A list of quoted names, as SHOW prints it, is written as it is."""


def set_local(cursor: Any, settings: Mapping[str, str]) -> None:
    """Set those of ``settings`` that the server knows, until the transaction ends."""
    version = cursor.connection.server_version
    known = [(name, text) for name, text in settings.items() if version >= SINCE.get(name, 0)]
    statements = (
        compose("SET LOCAL {} = {}", name, LITERAL.get(name, sql.Literal)(text))
        for name, text in known
    )
    cursor.execute(listed(statements, "; "))


def use_schema(cursor: Any, schema: str) -> None:
    """Let unqualified names mean the tables' own schema first, until the transaction ends.

    Only Django's tables come before, where they have a schema of their own.
    """
    set_local(cursor, {"search_path": _path_with(cursor, schema)})


def _path_with(cursor: Any, schema: str) -> str:
    own = [settings.DJANGO_SCHEMA] if settings.DJANGO_SCHEMA else []
    names = spelled(cursor, listed([*own, schema]))
    rest = _current(cursor, "search_path")
    return names if rest in EMPTY else f"{names}, {rest}"


def apply_reading_settings(cursor: Any, schema: str) -> None:
    """Set what a transaction that reads needs: READING and TEXT, and the tables' schema first."""
    set_local(cursor, {**READING, **TEXT})
    use_schema(cursor, schema)


def apply_changing_settings(
    cursor: Any, schema: str, patience: Patience, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Set what a transaction that changes needs, and ``more``; return the settings in force."""
    memory = {
        name: f"{max(kilobytes, MEMORY[name])}kB"
        for name, kilobytes in rows(cursor, GRANTED, [list(MEMORY)])
    }
    wanted = {**CHANGING, **memory, "lock_timeout": patience.timeout, **(more or {})}
    set_local(cursor, {**wanted, **TEXT})
    use_schema(cursor, schema)
    return dict(rows(cursor, IN_FORCE, [list(wanted)]))


@contextmanager
def temporarily(cursor: Any, settings: Mapping[str, str]) -> Iterator[None]:
    """Set ``settings`` for what is inside, within a transaction that goes on afterwards."""
    before = {name: _current(cursor, name) for name in settings}
    set_local(cursor, settings)
    yield
    set_local(cursor, before)


def schema_first(cursor: Any, schema: str) -> AbstractContextManager[None]:
    """Let names mean ``schema`` first for what is inside, as they will while a run is at work.

    Else the same column's type would be spelled now with its schema and now without.
    """
    return temporarily(cursor, {"search_path": _path_with(cursor, schema)})


def schema_only(cursor: Any, schema: str) -> AbstractContextManager[None]:
    """Let names mean ``schema`` and nothing else for what is inside."""
    return temporarily(cursor, {"search_path": spelled(cursor, schema)})


def _current(cursor: Any, name: str) -> str:
    """Return a setting's value. SHOW takes no snapshot, which SELECT would."""
    return str(value(cursor, compose("SHOW {}", name)))
