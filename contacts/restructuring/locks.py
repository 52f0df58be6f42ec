"""The locks of a run: one run at a time, and nobody in the dark while it waits for the tables."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors, sql

from contacts.restructuring.blockers import LOOK_ANEW, SESSION, SINCE, in_the_way, told_session
from contacts.restructuring.journal import Journal
from contacts.restructuring.stage import Table

RUN_LOCK = 5_061_712_983_410_114_209
"""The advisory lock that every run takes. A number of ours, the same in every release."""

HOLDER = f"""
    SELECT a.pid, coalesce(a.usename, '?'),
           CASE WHEN a.state IS NULL THEN 'hidden'
                ELSE coalesce(host(a.client_addr), 'local') END,
           CASE WHEN a.state IS NULL THEN 'hidden'
                ELSE coalesce(nullif(a.application_name, ''), 'no name') END,
           coalesce({SINCE}, 'hidden')
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""
OLD_SNAPSHOTS = (
    SESSION
    + """
     WHERE a.pid <> pg_backend_pid() AND a.datname = current_database()
       AND a.usesysid IS NOT NULL AND coalesce(a.backend_type, 'client backend') = 'client backend'
       AND a.backend_xmin IS NOT NULL
       AND (NOT pg_backend_pid() = ANY(pg_blocking_pids(a.pid)) OR a.pid = ANY(%s)) ORDER BY a.pid
"""
)
"""A role without pg_monitor sees no backend_type of others; what has no user is no client."""
QUEUED = (
    SESSION
    + """
     WHERE pg_backend_pid() = ANY(pg_blocking_pids(a.pid))
       AND a.backend_xmin IS NOT NULL AND a.xact_start IS DISTINCT FROM a.query_start
     ORDER BY a.pid
"""
)
DJANGO_TABLES = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "contacts_restructuringrun",
)
"""Those that exist already, from an earlier run, get rows from this one."""
DJANGO_SEQUENCES = """
    SELECT pg_get_serial_sequence(c.oid::regclass::text, 'id')
      FROM pg_class c
     WHERE c.oid = ANY(SELECT to_regclass(name) FROM unnest(%s) AS name)
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
MEMORY = {"work_mem": 64 * 1024, "maintenance_work_mem": 256 * 1024}
"""Kilobytes, for one session that rewrites a table and builds its indexes while all others wait.
Where the server grants more, that stays."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for locks: ``seconds`` a try, ``tries`` times."""

    seconds: float = 5.0
    tries: int = 12

    @property
    def timeout(self) -> str:
        """The ``lock_timeout`` of a try. 0 would mean: for ever."""
        return f"{max(1, round(self.seconds * 1000))}ms"


EVERYDAY_PATIENCE = Patience()


def refuse_rival(cursor: Any) -> None:
    """Raise CommandError, naming the holder, if another run is at work on this database.

    Takes no lock: for the beginning, where what one wants to look at is what the other has locked.
    """
    cursor.execute(HOLDER, [RUN_LOCK])
    holder = cursor.fetchone()
    if holder:
        raise _rival(holder)


def claim(cursor: Any) -> None:
    """Take the advisory lock of runs until the transaction ends. The transaction's first statement.

    Raises CommandError, naming the holder, if another run has it.
    """
    # At another level the snapshot is older than the locks: what was written meanwhile is missed.
    cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RUN_LOCK])
    if cursor.fetchone()[0]:
        return
    cursor.execute(HOLDER, [RUN_LOCK])
    raise _rival(cursor.fetchone())


def _rival(holder: tuple[Any, ...] | None) -> CommandError:
    who = "a session that has just ended"
    if holder:
        who = "pid {}, user {}, host {}, application {}, since {}".format(*holder)
    return CommandError(
        f"Another run is at work on this database: {who}. Nothing was changed. Wait until it has "
        "ended, then start again."
    )


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


def guard_sequences(cursor: Any) -> None:
    """Make what this transaction draws from the sequences of Django's tables come back with it.

    ``nextval`` survives a rollback. RESTART gives the sequence a new file, which does not.
    """
    cursor.execute(DJANGO_SEQUENCES, [list(DJANGO_TABLES)])
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
    attempt = partial(_try_lock, connection, tables, patience)
    return persist(attempt, "locked", patience, journal.wait)


def persist(
    attempt: Callable[[], list[str] | None],
    what: str,
    patience: Patience,
    wait: Callable[[str], None],
) -> float:
    """Call ``attempt`` until it returns None; until then it returns who is in the way.

    ``what`` is to be done with the tables: "locked" or "read"; ``wait`` is told for whom it waits.
    Returns the moment (of the monotonic clock) at which the attempt began that went well. Raises
    CommandError when the patience ends.
    """
    for number in range(1, patience.tries + 1):
        asked = time.monotonic()
        blockers = attempt()
        if blockers is None:
            return asked
        told = "; ".join(blockers) or "a session that has just ended"
        if number == patience.tries:
            raise CommandError(
                f"The tables could not be {what} in {patience.tries} tries of "
                f"{patience.seconds:g} s. In the way: {told}. Nothing was changed. End these "
                "sessions, or wait for them, and run again; --lock-timeout waits longer."
            )
        wait(f"try {number} of {patience.tries}: waiting for {told}")
        time.sleep(min(0.5 * number, 3.0))  # lets the queue behind our request move on

    raise AssertionError("a Patience has at least one try")


def _try_lock(
    connection: BaseDatabaseWrapper, tables: list[tuple[Table, str]], patience: Patience
) -> list[str] | None:
    """Lock all of ``tables``; return None, or who was in the way, with no lock held."""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for table, mode in tables:
                lock(cursor, table, mode)
            snapshots = _wait_for_snapshots(cursor, patience.seconds)
            if snapshots:
                raise _SnapshotsLeftError
            return None
    except _SnapshotsLeftError:
        return snapshots
    except OperationalError as error:
        if not gave_up_waiting(error):
            raise
    with connection.cursor() as cursor:
        return in_the_way(cursor, tables)


def lock(cursor: Any, table: Table, mode: str, *, wait: bool = True) -> None:
    """Lock ``table`` in ``mode`` until the transaction ends."""
    statement = sql.SQL("LOCK TABLE {} IN {} MODE" if wait else "LOCK TABLE {} IN {} MODE NOWAIT")
    name = sql.Identifier(table.schema, table.name)
    cursor.execute(statement.format(name, sql.SQL(mode)))


def gave_up_waiting(error: OperationalError) -> bool:
    """Return whether a statement failed because somebody's lock was in its way."""
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)


class _SnapshotsLeftError(Exception):
    """Rolls the locks back while somebody could still read the tables as of an earlier time."""


def _wait_for_snapshots(cursor: Any, seconds: float) -> list[str]:
    """Wait until the snapshots that others hold now are gone; return whose are not in time.

    The restructuring rewrites ``orders``. A transaction whose snapshot is older would read the
    rewritten table as empty, without an error. Sessions that wait for our lock take a new one,
    unless they were seen before they began to wait.
    """
    deadline = time.monotonic() + seconds
    held = _old_snapshots(cursor, {})
    while held and time.monotonic() < deadline:
        time.sleep(0.05)
        held = _old_snapshots(cursor, held)
    return [told_session(row) + " (reads as of an earlier time)" for row in held.values()]


def _old_snapshots(cursor: Any, before: dict[Any, tuple[Any, ...]]) -> dict[Any, tuple[Any, ...]]:
    """Return who reads as of an earlier time; of those in ``before``, if there are any."""
    cursor.execute(LOOK_ANEW)
    cursor.execute(OLD_SNAPSHOTS, [[pid for pid, _ in before]])
    found = {(row[0], row[4]): row for row in cursor.fetchall()}
    return {key: row for key, row in found.items() if key in before or not before}


def outlast_readers(cursor: Any, patience: Patience, journal: Journal) -> tuple[str, ...]:
    """Before COMMIT, wait for the snapshots that were taken meanwhile: they are older than it.

    Returns what the operator should know about sessions that wait for the tables: whether they
    have a snapshot already, nobody can see. Raises CommandError when the patience ends.
    """
    for attempt in range(1, patience.tries + 1):
        left = _wait_for_snapshots(cursor, patience.seconds)
        if not left:
            break
        if attempt == patience.tries:
            raise CommandError(
                f"After {patience.tries} times {patience.seconds:g} s there are still sessions "
                f"that would find the rewritten tables empty: {'; '.join(left)}. Everything was "
                "rolled back: the database is as it was. End these sessions, or wait for them, and "
                "run again."
            )
        journal.wait(f"try {attempt} of {patience.tries}: before COMMIT, waiting for "
                     f"{'; '.join(left)}")  # fmt: skip
    cursor.execute(QUEUED)
    return tuple(
        f"Waited for the tables inside a transaction: {told_session(row)}. If that is one of "
        "REPEATABLE READ or stricter, as pg_dump's are, it finds orders empty: let it begin anew."
        for row in cursor.fetchall()
    )
