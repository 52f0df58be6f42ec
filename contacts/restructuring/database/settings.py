"""The settings of a transaction: what the text of a row, a wait and the speed of a query depend on.

All are set by SET LOCAL. So they end with the transaction, as they must behind a transaction
pooler, and no snapshot is taken for them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from psycopg2 import sql

from contacts.restructuring.database.patience import Patience
from jmsk.postgres.django_schema import EMPTY

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

SINCE = {"transaction_timeout": 170000}
"""The server's version that brought a setting."""


def set_local(cursor: Any, settings: Mapping[str, str]) -> None:
    """Set those of ``settings`` that the server knows, until the transaction ends."""
    version = cursor.connection.server_version
    known = [(name, text) for name, text in settings.items() if version >= SINCE.get(name, 0)]
    statement = sql.SQL("; ").join(
        sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(text))
        for name, text in known
    )
    cursor.execute(statement)


def use_schema(cursor: Any, schema: str) -> None:
    """Let unqualified names mean the tables' own schema first, until the transaction ends.

    Only Django's tables come before, where they have a schema of their own.
    """
    _put_first(cursor, schema, _current(cursor, "search_path"))


def _put_first(cursor: Any, schema: str, rest: str) -> None:
    own = [settings.DJANGO_SCHEMA] if settings.DJANGO_SCHEMA else []
    names = [sql.Identifier(name).as_string(cursor.connection) for name in (*own, schema)]
    _set_search_path(cursor, ", ".join(names if rest in EMPTY else [*names, rest]))


def _set_search_path(cursor: Any, path: str) -> None:
    """Set the search path to ``path``, a list of quoted names as SHOW prints it."""
    names = "''" if path in EMPTY else path
    cursor.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.SQL(names)))


def apply_reading_settings(cursor: Any, schema: str) -> None:
    """Set what a transaction that reads needs: READING and TEXT, and the tables' schema first."""
    set_local(cursor, {**READING, **TEXT})
    use_schema(cursor, schema)


def apply_changing_settings(cursor: Any, schema: str, patience: Patience) -> dict[str, str]:
    """Set what a transaction that changes needs; return the protecting settings in force."""
    cursor.execute(
        "SELECT name, setting::bigint FROM pg_settings WHERE name = ANY(%s)", [list(MEMORY)]
    )
    memory = {name: f"{max(kilobytes, MEMORY[name])}kB" for name, kilobytes in cursor.fetchall()}
    wanted = {**CHANGING, **memory, "lock_timeout": patience.timeout}
    set_local(cursor, {**wanted, **TEXT})
    use_schema(cursor, schema)
    cursor.execute(
        "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s) ORDER BY name",
        [list(wanted)],
    )
    return dict(cursor.fetchall())


@contextmanager
def temporarily(cursor: Any, settings: Mapping[str, str]) -> Iterator[None]:
    """Set ``settings`` for what is inside, within a transaction that goes on afterwards."""
    before = {name: _current(cursor, name) for name in settings}
    set_local(cursor, settings)
    yield
    set_local(cursor, before)


@contextmanager
def schema_first(cursor: Any, schema: str) -> Iterator[None]:
    """Let names mean ``schema`` first for what is inside, as they will while a run is at work.

    Else the same column's type would be spelled now with its schema and now without.
    """
    before = _current(cursor, "search_path")
    _put_first(cursor, schema, before)
    yield
    _set_search_path(cursor, before)


@contextmanager
def schema_only(cursor: Any, schema: str) -> Iterator[None]:
    """Let names mean ``schema`` and nothing else for what is inside."""
    before = _current(cursor, "search_path")
    _set_search_path(cursor, sql.Identifier(schema).as_string(cursor.connection))
    yield
    _set_search_path(cursor, before)


def _current(cursor: Any, name: str) -> str:
    """Return a setting's value. SHOW takes no snapshot, which SELECT would."""
    cursor.execute(sql.SQL("SHOW {}").format(sql.Identifier(name)))
    return str(cursor.fetchone()[0])
