"""The one transaction of a run: its settings, its locks, the work, and the truth about COMMIT."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import Error as PsycopgError
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from contacts.restructuring.database.broken_off import broken_off, interrupted
from contacts.restructuring.database.costs import LockWatch, TableLock
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.locking.locks import lock_tables
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.locking.run_lock import take_run_lock
from contacts.restructuring.database.locking.snapshots import wait_for_older_snapshots
from contacts.restructuring.database.lost_commit import was_committed
from contacts.restructuring.database.round_trips import batched
from contacts.restructuring.database.sequences import guard_sequences
from contacts.restructuring.database.settings import apply_changing_settings
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.journal import Event, Journal
from jmsk.postgres.queries import row
from jmsk.postgres.server_errors import server_words

T = TypeVar("T")
POSITION = """
    SELECT clock_timestamp(), pg_current_wal_lsn()::text, pg_current_xact_id()::text::bigint
"""


@dataclass(frozen=True)
class RecoveryPoint:
    """Where to recover to, should everything else fail: the moment before the first change."""

    time: str
    wal_position: str
    transaction_id: int


@dataclass(frozen=True)
class TransactionOptions:
    """How a transaction is to run.

    ``exclusive`` tables are locked against readers and writers, ``shared`` ones against writers.
    ``views`` over them are locked before. ``rehearse`` rolls back in the end. ``max_lockout`` is
    the longest time in seconds that the locks may be held. ``rewrites``: the work gives a table a
    new file, which a transaction that reads as of an earlier time would find empty; so it waits for
    those. ``before_lock`` is what can be done in the transaction before the tables are locked.
    ``batched``: statements without an answer are sent together with the next one. What the work
    copies in or out would overtake them.
    """

    layout: Layout
    exclusive: tuple[str, ...]
    shared: tuple[str, ...]
    patience: Patience = field(default_factory=Patience)
    rehearse: bool = False
    max_lockout: float | None = None
    rewrites: bool = True
    views: tuple[Table, ...] = ()
    before_lock: Callable[[Any], None] = lambda cursor: None
    batched: bool = False


@dataclass(frozen=True)
class TransactionResult(Generic[T]):
    """How a transaction ended. ``locked_seconds`` is from the first lock to the end."""

    value: T
    point: RecoveryPoint
    settings: dict[str, str]
    locks: tuple[TableLock, ...]
    locked_seconds: float
    notes: tuple[str, ...] = ()


def run_in_transaction(
    connection: BaseDatabaseWrapper,
    options: TransactionOptions,
    journal: Journal,
    work: Callable[[Any, RecoveryPoint], T],
) -> TransactionResult[T]:
    """Run ``work(cursor, recovery_point)`` under the locks of ``options``, and commit.

    Raises Failure, with the database as it was, if that cannot be done or the operator interrupts
    it. If the answer to COMMIT is lost, the server is asked.
    """
    attempt: _Attempt[T] = _Attempt(connection, options, journal, work)
    try:
        with transaction.atomic(using=connection.alias):
            ended = attempt.run()
            if options.rehearse:
                transaction.set_rollback(True, using=connection.alias)
        journal.ended(committed=not options.rehearse)
        return ended
    except (DatabaseError, InterfaceError, PsycopgError, KeyboardInterrupt) as error:
        return attempt.settle(error)
    finally:
        if connection.in_atomic_block:
            _disconnect(connection)
        journal.unlocked()


@dataclass
class _Attempt(Generic[T]):
    connection: BaseDatabaseWrapper
    options: TransactionOptions
    journal: Journal
    work: Callable[[Any, RecoveryPoint], T]
    point: RecoveryPoint | None = None
    ended: TransactionResult[T] | None = None
    deadline: float | None = None

    def run(self) -> TransactionResult[T]:
        options, layout = self.options, self.options.layout
        self.journal.current = "transaction"  # of what lies between the steps
        hold_window = self.connection.execute_wrapper(self._hold_window)
        with self.connection.cursor() as cursor, hold_window:
            take_run_lock(cursor)
            settings = apply_changing_settings(cursor, layout.schema, options.patience)
            watch = LockWatch(cursor)
            guard_sequences(cursor)
            options.before_lock(cursor)
            locked = self._lock()
            with batched(self.connection) if options.batched else nullcontext():
                watch.note(locked)
                self.journal.hooks.append(watch.look)
                point, value = self._work(cursor)
            notes = self._wait_for_readers(cursor)
            self.journal.current = "commit"
            self.journal.in_doubt = not options.rehearse
            self.journal.tell(Event("begin", "commit", "Ending the transaction"))
            seconds = time.monotonic() - locked
            self.ended = TransactionResult(value, point, settings, watch.locks(), seconds, notes)
            return self.ended

    def _work(self, cursor: Any) -> tuple[RecoveryPoint, T]:
        if read_layout(self.connection) != self.options.layout:
            raise Failure(
                "MC203",
                "The tables were changed between the checks and the lock. Nothing was changed by "
                "this run. Run it again, so that they are checked as they are now.",
            )
        self.point = point = recovery_point(cursor)
        return point, self.work(cursor, point)

    def _lock(self) -> float:
        options, tables = self.options, self.options.layout.tables
        with self.journal.step("locks", "Locking the tables"):
            locked = lock_tables(
                self.connection,
                [tables[name] for name in options.exclusive],
                [tables[name] for name in options.shared],
                options.patience,
                self.journal,
                older_snapshots=options.rewrites,
                views=options.views,
            )
        if options.max_lockout is not None:
            self.deadline = locked + options.max_lockout
        self.journal.locked(locked)
        return locked

    def _wait_for_readers(self, cursor: Any) -> tuple[str, ...]:
        if self.options.rehearse or not self.options.rewrites:
            return ()
        return wait_for_older_snapshots(cursor, self.options.patience, self.journal)

    def _hold_window(self, execute: Any, query: Any, *rest: Any) -> Any:
        """Give each statement no more than what is left of the window. An execute wrapper."""
        raw = self.connection.connection
        if self.deadline is not None and raw.info.transaction_status != TRANSACTION_STATUS_INERROR:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise self._too_long(self.journal.current)
            with raw.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)",
                    [f"{max(1, round(left * 1000))}ms"],
                )
        return execute(query, *rest)

    def _too_long(self, step: str) -> Failure:
        longer = (
            "Rehearse with a longer one, or without --max-lockout: then the rehearsal measures how "
            "long it has to be."
            if self.options.rehearse
            else "Allow a longer one. Before a migration 'manage.py migrate_contacts --rehearse', "
            "which locks readers and writers out, measures how long it has to be."
        )
        return Failure(
            "MC503",
            f"The window of {self.options.max_lockout:g} s (--max-lockout) was over at the step "
            f"'{step}'. {ROLLED_BACK} {longer}",
        )

    def settle(self, error: BaseException) -> TransactionResult[T]:
        """Say how the transaction ended that ``error`` has left open to doubt."""
        told = server_words(error)
        # An interrupt just before COMMIT, or in a rollback, leaves the transaction open: end it.
        _disconnect(self.connection)
        committed = self.point is not None and self.journal.in_doubt
        if self.point and committed:
            committed = was_committed(self.connection, self.point.transaction_id)
        self.journal.ended(committed=committed)
        if self.ended and committed:
            note = f"The answer to COMMIT was lost ({told}); the server says: committed."
            return replace(self.ended, notes=(*self.ended.notes, note))
        late = self.deadline is not None and time.monotonic() >= self.deadline
        if late and not interrupted(error, self.journal):
            raise self._too_long(self.journal.current) from error
        raise broken_off(error, self.journal) from error


def recovery_point(cursor: Any) -> RecoveryPoint:
    """Note where the server stands. The transaction gets its id here, if it has none yet."""
    moment, position, transaction_id = row(cursor, POSITION)
    told = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    return RecoveryPoint(told, position, transaction_id)


def _disconnect(connection: BaseDatabaseWrapper) -> None:
    """End the session, and with it the transaction.

    Django's schema editor does not leave its block where a deferred statement fails, and then the
    transaction would stay open, and the connection count as closed within one.
    """
    connection.in_atomic_block = False
    connection.close()
