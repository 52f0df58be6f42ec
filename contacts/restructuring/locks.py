"""The locks of a run: one run at a time, and nobody in the dark while it waits for the tables."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors, sql

from contacts.restructuring.journal import Journal
from contacts.restructuring.stage import Table

RUN_LOCK = 5_061_712_983_410_114_209
"""The advisory lock that every run takes. A number of ours, the same in every release."""

HOLDER = """
    SELECT a.pid, a.usename, coalesce(host(a.client_addr), 'local'),
           coalesce(nullif(a.application_name, ''), 'no name'), a.xact_start
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""
SESSION = """
    SELECT a.pid, coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), 'no name'),
           coalesce(a.state, 'hidden'),
           coalesce(to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '?'),
           CASE WHEN a.state IS NULL OR a.query = '<insufficient privilege>'
                THEN 'its query is hidden: ask for pg_monitor'
                ELSE 'query: ' || left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) END
      FROM pg_stat_activity a
"""
BLOCKERS = (
    SESSION
    + """
     WHERE a.pid <> pg_backend_pid() AND a.pid IN (
           SELECT pid FROM pg_locks WHERE granted AND locktype = 'relation'
              AND relation = ANY(%s::oid[])) ORDER BY a.pid
"""
)
OLD_SNAPSHOTS = (
    SESSION
    + """
     WHERE a.pid <> pg_backend_pid() AND a.datname = current_database()
       AND a.backend_type = 'client backend'
       AND a.backend_xmin IS NOT NULL
       AND NOT pg_backend_pid() = ANY(pg_blocking_pids(a.pid)) ORDER BY a.pid
"""
)
DJANGO_SEQUENCES = """
    SELECT pg_get_serial_sequence(c.oid::regclass::text, 'id')
      FROM pg_class c
     WHERE c.oid IN (to_regclass('django_migrations'), to_regclass('django_content_type'),
                     to_regclass('auth_permission'), to_regclass('contacts_restructuringrun'))
"""
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


@dataclass(frozen=True)
class Patience:
    """How long to wait for locks: ``seconds`` a try, ``tries`` times."""

    seconds: float = 5.0
    tries: int = 12


def claim(cursor: Any) -> None:
    """Take the advisory lock of runs until the transaction ends.

    Raises CommandError, naming the holder, if another run has it.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RUN_LOCK])
    if cursor.fetchone()[0]:
        return
    cursor.execute(HOLDER, [RUN_LOCK])
    holder = cursor.fetchone()
    who = (
        "pid {}, user {}, host {}, application {}, since {:%Y-%m-%d %H:%M:%S} UTC".format(*holder)
        if holder
        else "a session that has just ended"
    )
    raise CommandError(
        f"Another run is at work on this database: {who}. Nothing was changed. Wait until it has "
        "ended, then start again."
    )


def apply_settings(cursor: Any, patience: Patience) -> dict[str, str]:
    """Set what protects the run, until the transaction ends; return the settings in force."""
    wanted = {**SETTINGS, "lock_timeout": f"{round(patience.seconds * 1000)}ms"}
    cursor.execute(
        "SELECT name, set_config(name, %s::json ->> name, true) FROM pg_settings "
        "WHERE name = ANY(%s) ORDER BY name",
        [json.dumps(wanted), list(wanted)],
    )
    return dict(cursor.fetchall())


def guard_sequences(cursor: Any) -> None:
    """Make what this transaction draws from the sequences of Django's tables come back with it.

    ``nextval`` survives a rollback. RESTART gives the sequence a new file, which does not.
    """
    cursor.execute(DJANGO_SEQUENCES)
    for (sequence,) in cursor.fetchall():
        cursor.execute(f"SELECT last_value + is_called::int FROM {sequence}")
        cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {cursor.fetchone()[0]}")


def lock_tables(
    connection: BaseDatabaseWrapper,
    exclusive: Iterable[Table],
    shared: Iterable[Table],
    patience: Patience,
    journal: Journal,
) -> float:
    """Lock the ``exclusive`` tables against readers and writers, the ``shared`` against writers.

    Waits for who is in the way, try after try, and tells who it is. Nobody's session is ended.
    Returns the moment (of the monotonic clock) at which the first lock was asked for. Raises
    CommandError when the patience ends; then no lock is held.
    """
    tables = [(table, "ACCESS EXCLUSIVE") for table in exclusive]
    tables += [(table, "SHARE ROW EXCLUSIVE") for table in shared]
    for attempt in range(1, patience.tries + 1):
        asked = time.monotonic()
        in_the_way = _try_lock(connection, tables, patience)
        if in_the_way is None:
            return asked
        told = "; ".join(in_the_way) or "a session that has just ended"
        if attempt == patience.tries:
            raise CommandError(
                f"The tables could not be locked in {patience.tries} tries of "
                f"{patience.seconds:g} s. In the way: {told}. Nothing was changed. End these "
                "sessions, or wait for them, and run again; --lock-timeout waits longer."
            )
        journal.wait(f"try {attempt} of {patience.tries}: waiting for {told}")
        time.sleep(min(0.5 * attempt, 3.0))  # lets the queue behind our request move on

    raise AssertionError("a Patience has at least one try")


def _try_lock(
    connection: BaseDatabaseWrapper, tables: list[tuple[Table, str]], patience: Patience
) -> list[str] | None:
    """Lock all of ``tables``; return None, or who was in the way, with no lock held."""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for table, mode in tables:
                statement = sql.SQL("LOCK TABLE {} IN {} MODE")
                name = sql.Identifier(table.schema, table.name)
                cursor.execute(statement.format(name, sql.SQL(mode)))
            snapshots = _wait_for_snapshots(cursor, patience.seconds)
            if snapshots:
                raise _SnapshotsLeftError
            return None
    except _SnapshotsLeftError:
        return snapshots
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
            raise
    with connection.cursor() as cursor:
        cursor.execute(BLOCKERS, [[table.oid for table, _ in tables]])
        return [_told(row) for row in cursor.fetchall()]


class _SnapshotsLeftError(Exception):
    """Rolls the locks back while somebody could still read the tables as of an earlier time."""


def _wait_for_snapshots(cursor: Any, seconds: float) -> list[str]:
    """Wait until the snapshots that others hold now are gone; return whose are not in time.

    The restructuring rewrites ``orders``. A transaction whose snapshot is older would read the
    rewritten table as empty, without an error. Sessions that wait for our lock take a new one.
    """
    deadline = time.monotonic() + seconds
    cursor.execute(OLD_SNAPSHOTS)
    held = {(pid, since): (pid, *told, since, query) for pid, *told, since, query in cursor}
    while held and time.monotonic() < deadline:
        time.sleep(0.05)
        cursor.execute(OLD_SNAPSHOTS)
        still = {(row[0], row[4]) for row in cursor.fetchall()}
        held = {key: row for key, row in held.items() if key in still}
    return [_told(row) + " (reads as of an earlier time)" for row in held.values()]


def _told(row: tuple[Any, ...]) -> str:
    return "pid {}, user {}, application {}, {}, since {}, {}".format(*row)
