"""The settings of a session: what the text of a row, a wait and the speed of a query depend on."""

import json
from typing import Any

from contacts.restructuring.database.patience import Patience


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

PINNED_SETTINGS = {
    "row_security": "off",
    "extra_float_digits": "1",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "TimeZone": "UTC",
}
"""Settings on which the text of a row depends. With row_security off, a policy that hides rows is
an error instead of a smaller count."""


def pin_settings(cursor: Any) -> None:
    """Fix, until the transaction ends, the settings on which the text of a row depends."""
    for name, value in PINNED_SETTINGS.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


SETTINGS = {
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "10s",
}
"""In force until the transaction ends. The role's own timeouts must not cut a run in two, and a
client that has vanished must not hold locks for hours."""
MEMORY = {"work_mem": 64 * 1024, "maintenance_work_mem": 256 * 1024}
"""Kilobytes, for one session that rewrites a table and builds its indexes while all others wait.
Where the server grants more, that stays."""


def apply_settings(cursor: Any, patience: Patience) -> dict[str, str]:
    """Set what protects and speeds the run, until the transaction ends; return what is in force."""
    cursor.execute(
        "SELECT name, setting::bigint FROM pg_settings WHERE name = ANY(%s)", [list(MEMORY)]
    )
    memory = {name: f"{max(kilobytes, MEMORY[name])}kB" for name, kilobytes in cursor.fetchall()}
    # jit: compiling the few statements of a run costs more than it gains.
    wanted = {**SETTINGS, **memory, "jit": "off", "lock_timeout": patience.timeout}
    cursor.execute(
        "SELECT name, set_config(name, %s::json ->> name, true) FROM pg_settings "
        "WHERE name = ANY(%s) ORDER BY name",
        [json.dumps(wanted), list(wanted)],
    )
    return dict(cursor.fetchall())
