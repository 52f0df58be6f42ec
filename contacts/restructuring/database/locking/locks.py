"""The locks of a run on the tables: nobody is in the dark while it waits for them."""

import time
from collections.abc import Iterable
from typing import Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors

from contacts.restructuring.database.locking.blockers import blocking_sessions
from contacts.restructuring.database.locking.patience import Patience, retry_until_free
from contacts.restructuring.database.locking.snapshots import SnapshotsLeftError, wait_for_snapshots
from contacts.restructuring.database.settings import set_local
from contacts.restructuring.database.tables import VIEWS, Table
from contacts.restructuring.journal import Journal
from jmsk.postgres.queries import execute, value

DEADLOCK_TIMEOUT = "SELECT setting::integer FROM pg_settings WHERE name = 'deadlock_timeout'"
"""Milliseconds. Who waits for so long makes an automatic vacuum give way, and a deadlock end."""


def lock_tables(
    connection: BaseDatabaseWrapper,
    exclusive: Iterable[Table],
    shared: Iterable[Table],
    patience: Patience,
    journal: Journal,
    *,
    views: Iterable[Table] = (),
    older_snapshots: bool = True,
) -> float:
    """Lock the ``exclusive`` tables against readers and writers, the ``shared`` against writers.

    ``views`` over them are locked first: who uses one holds it before the table beneath.
    Waits for who is in the way, try after try, and tells who it is; with ``older_snapshots`` also
    for who reads as of an earlier time. Nobody's session is ended.
    Returns the moment (of the monotonic clock) at which the first lock was asked for. Raises
    Failure after the last try; then no lock is held.
    """
    tables = [(table, "ACCESS EXCLUSIVE") for table in (*views, *exclusive)]
    tables += [(table, "SHARE ROW EXCLUSIVE") for table in shared]
    begun = 0.0

    def attempt() -> list[str] | None:
        nonlocal begun
        deadline = time.monotonic() + patience.seconds
        while True:
            begun = time.monotonic()
            blockers = _lock_all(connection, tables, patience, older_snapshots)
            if blockers is None or time.monotonic() >= deadline:
                return blockers

    retry_until_free(attempt, "locked", patience, journal.wait)
    return begun


def _lock_all(
    connection: BaseDatabaseWrapper,
    tables: list[tuple[Table, str]],
    patience: Patience,
    older_snapshots: bool,
) -> list[str] | None:
    """Lock the first of ``tables`` as soon as it is free, then the others within a moment.

    Returns None, or who was in the way, with no lock held.
    Who holds one of the others may wait for the first, which we hold. The server ends such a
    deadlock after its ``deadlock_timeout`` by breaking off one of both: not always us. So we give
    up before, let everybody pass, and begin anew.
    """
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            moment = value(cursor, DEADLOCK_TIMEOUT) / 2 / 1000
            deadline = None
            if tables and tables[0][0].kind in VIEWS:  # to lock a view is to lock its table, too
                deadline = time.monotonic() + moment
            for table, mode in tables:
                if deadline is not None:
                    left = max(1, round((deadline - time.monotonic()) * 1000))
                    set_local(cursor, {"lock_timeout": f"{left}ms"})
                lock(cursor, table, mode)
                deadline = deadline or time.monotonic() + moment
            set_local(cursor, {"lock_timeout": patience.timeout})
            snapshots = wait_for_snapshots(cursor, patience.seconds) if older_snapshots else []
            if snapshots:
                raise SnapshotsLeftError
            return None
    except SnapshotsLeftError:
        return snapshots
    except OperationalError as error:
        if not gave_up_waiting(error):
            raise
    with connection.cursor() as cursor:
        return blocking_sessions(cursor, tables)


def lock(cursor: Any, table: Table, mode: str, *, wait: bool = True) -> None:
    """Lock ``table`` in ``mode`` until the transaction ends."""
    statement = f"LOCK TABLE {{table}} IN {mode} MODE{'' if wait else ' NOWAIT'}"
    execute(cursor, statement, table=table.identifier)


def gave_up_waiting(error: OperationalError) -> bool:
    """Return whether a statement failed because somebody's lock was in its way."""
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)
