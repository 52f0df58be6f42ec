"""The locks of a run on the tables: nobody is in the dark while it waits for them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors, sql

from contacts.restructuring.database.blockers import blocking_sessions
from contacts.restructuring.database.layout import Table
from contacts.restructuring.database.patience import Patience, retry_until_free
from contacts.restructuring.database.snapshots import SnapshotsLeftError, wait_for_snapshots
from contacts.restructuring.journal import Journal


def lock_tables(
    connection: BaseDatabaseWrapper,
    exclusive: Iterable[Table],
    shared: Iterable[Table],
    patience: Patience,
    journal: Journal,
    *,
    older_snapshots: bool = True,
) -> float:
    """Lock the ``exclusive`` tables against readers and writers, the ``shared`` against writers.

    Waits for who is in the way, try after try, and tells who it is; with ``older_snapshots`` also
    for who reads as of an earlier time. Nobody's session is ended.
    Returns the moment (of the monotonic clock) at which the first lock was asked for. Raises
    Failure after the last try; then no lock is held.
    """
    tables = [(table, "ACCESS EXCLUSIVE") for table in exclusive]
    tables += [(table, "SHARE ROW EXCLUSIVE") for table in shared]
    attempt = partial(_try_lock, connection, tables, patience, older_snapshots)
    return retry_until_free(attempt, "locked", patience, journal.wait)


def _try_lock(
    connection: BaseDatabaseWrapper,
    tables: list[tuple[Table, str]],
    patience: Patience,
    older_snapshots: bool,
) -> list[str] | None:
    """Lock all of ``tables``; return None, or who was in the way, with no lock held."""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for table, mode in tables:
                lock(cursor, table, mode)
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
    statement = sql.SQL("LOCK TABLE {} IN {} MODE" if wait else "LOCK TABLE {} IN {} MODE NOWAIT")
    name = sql.Identifier(table.schema, table.name)
    cursor.execute(statement.format(name, sql.SQL(mode)))


def gave_up_waiting(error: OperationalError) -> bool:
    """Return whether a statement failed because somebody's lock was in its way."""
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)
