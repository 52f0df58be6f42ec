"""The one transaction of a run: claim, settings, locks, the work, and the truth about COMMIT."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Generic, TypeVar

from django.core.management.base import CommandError
from django.db import (
    DatabaseError,
    DataError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import Error as PsycopgError
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from contacts.restructuring.database.costs import LockWatch, TableLock
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.locks import lock_tables
from contacts.restructuring.database.patience import Patience
from contacts.restructuring.database.run_lock import take_run_lock
from contacts.restructuring.database.sequences import guard_sequences
from contacts.restructuring.database.settings import apply_settings, pin_settings, use_schema
from contacts.restructuring.database.snapshots import wait_for_older_snapshots
from contacts.restructuring.journal import Event, Journal
from jmsk.postgres.server_errors import server_words

T = TypeVar("T")
ASK_AGAIN = 60
"""How many seconds to ask for the end of a transaction whose connection was lost."""


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
    ``rehearse`` rolls back in the end. ``max_lockout`` is the longest time in seconds that the
    locks may be held.
    """

    layout: Layout
    exclusive: tuple[str, ...]
    shared: tuple[str, ...]
    patience: Patience = field(default_factory=Patience)
    rehearse: bool = False
    max_lockout: float | None = None


@dataclass(frozen=True)
class TransactionResult(Generic[T]):
    """How a transaction ended. ``locked_seconds`` is from the first lock to the end."""

    value: T
    point: RecoveryPoint
    settings: dict[str, str]
    locks: tuple[TableLock, ...]
    locked_seconds: float
    notes: tuple[str, ...] = ()


class UncertainEndError(CommandError):
    """Nobody can be asked whether the run was committed."""


class InterruptedRunError(CommandError):
    """The operator interrupted the run, and it was rolled back."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=130)


def run_in_transaction(
    connection: BaseDatabaseWrapper,
    frame: TransactionOptions,
    journal: Journal,
    work: Callable[[Any, RecoveryPoint], T],
) -> TransactionResult[T]:
    """Run ``work(cursor, recovery_point)`` under the locks of ``frame``, and commit.

    Raises CommandError, with the database as it was, if that cannot be done; InterruptedRunError if
    the operator does not want it any more. If the answer to COMMIT is lost, the server is asked.
    """
    attempt: _Attempt[T] = _Attempt(connection, frame, journal, work)
    try:
        with transaction.atomic(using=connection.alias):
            ended = attempt.run()
            if frame.rehearse:
                transaction.set_rollback(True, using=connection.alias)
        journal.settled(committed=not frame.rehearse)
        return ended
    except (DatabaseError, InterfaceError, PsycopgError, KeyboardInterrupt) as error:
        return attempt.settle(error)
    finally:
        journal.hooks.clear()


@dataclass
class _Attempt(Generic[T]):
    connection: BaseDatabaseWrapper
    frame: TransactionOptions
    journal: Journal
    work: Callable[[Any, RecoveryPoint], T]
    point: RecoveryPoint | None = None
    ended: TransactionResult[T] | None = None
    deadline: float | None = None

    def run(self) -> TransactionResult[T]:
        frame, layout = self.frame, self.frame.layout
        self.journal.current = "transaction"  # of what lies between the steps
        hold_window = self.connection.execute_wrapper(self._hold_window)
        with self.connection.cursor() as cursor, hold_window:
            take_run_lock(cursor)
            settings = apply_settings(cursor, frame.patience)
            use_schema(cursor, layout.schema)
            pin_settings(cursor)
            locked = self._lock()
            watch = LockWatch(cursor, locked)
            self.journal.hooks.append(watch.look)
            if read_layout(self.connection) != layout:
                raise CommandError(
                    "The tables were changed between the checks and the lock. Nothing was changed "
                    "by this run. Run it again, so that they are checked as they are now."
                )
            self.point = recovery_point(cursor)
            guard_sequences(cursor)
            value = self.work(cursor, self.point)
            notes = (
                ()
                if frame.rehearse
                else wait_for_older_snapshots(cursor, frame.patience, self.journal)
            )
            self.journal.current = "commit"
            self.journal.in_doubt = not frame.rehearse
            self.journal.tell(Event("begin", "commit", "Ending the transaction"))
            seconds = time.monotonic() - locked
            self.ended = TransactionResult(
                value, self.point, settings, watch.locks(), seconds, notes
            )
            return self.ended

    def _lock(self) -> float:
        frame, tables = self.frame, self.frame.layout.tables
        with self.journal.step("locks", "Locking the tables"):
            locked = lock_tables(
                self.connection,
                [tables[name] for name in frame.exclusive],
                [tables[name] for name in frame.shared],
                frame.patience,
                self.journal,
            )
        if frame.max_lockout is not None:
            self.deadline = locked + frame.max_lockout
        return locked

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

    def _too_long(self, step: str) -> CommandError:
        return CommandError(
            f"The window of {self.frame.max_lockout:g} s (--max-lockout) was over at the step "
            f"'{step}'. Everything was rolled back: the database is as it was. Promise a longer "
            "window; 'manage.py migrate_contacts --rehearse' measures how long it needs."
        )

    def settle(self, error: BaseException) -> TransactionResult[T]:
        """Say how the transaction ended that ``error`` has left open to doubt."""
        told = server_words(error)
        # An interrupt just before COMMIT, or in a rollback, leaves the transaction open: end it.
        self.connection.close()
        committed = self.journal.in_doubt and self._committed()
        self.journal.settled(committed=committed)
        if self.ended and committed:
            note = f"The answer to COMMIT was lost ({told}); the server says: committed."
            return TransactionResult(**{**vars(self.ended), "notes": (*self.ended.notes, note)})
        if _interrupted(error):
            raise InterruptedRunError(
                f"Interrupted ({told}) at the step '{self.journal.current}'. The transaction was "
                "rolled back: the database is as it was. Run the same command again when you want."
            ) from error
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise self._too_long(self.journal.current) from error
        raise CommandError(
            f"The server refused or broke off the work at the step '{self.journal.current}' "
            f"({told}), and it was rolled back: the database is as it was. Put that right, or look "
            "into the server's log, then run again."
        ) from error

    def _committed(self) -> bool:
        """Ask the server over a new connection. Raises CommandError if it does not answer."""
        if self.point is None:
            return False
        deadline = time.monotonic() + ASK_AGAIN
        status = "no answer"
        while time.monotonic() < deadline:
            status = transaction_status(self.connection, self.point.transaction_id)
            if status in ("committed", "aborted"):
                return status == "committed"
            time.sleep(0.5)
        raise UncertainEndError(
            "The connection was lost at COMMIT, and the server cannot be asked how it ended "
            f"({status}). When it is back, run 'manage.py migrate_contacts --dry-run': it says "
            "which of the two the database is, and nothing in between is possible."
        )


def transaction_status(connection: BaseDatabaseWrapper, transaction_id: int) -> str:
    """Return 'committed', 'aborted' or 'in progress', asked over a new connection, or its error."""
    fresh = connections.create_connection(connection.alias)
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT pg_xact_status(%s::text::xid8)", [str(transaction_id)])
            return str(cursor.fetchone()[0])
    except DataError:  # in the future: a crash came before anything of it was on the disk
        return "aborted"
    except (OperationalError, InterfaceError) as error:
        return server_words(error)
    finally:
        fresh.close()


def recovery_point(cursor: Any) -> RecoveryPoint:
    """Note where the server stands. The transaction gets its id here, if it has none yet."""
    cursor.execute(
        "SELECT clock_timestamp(), pg_current_wal_lsn()::text, pg_current_xact_id()::text::bigint"
    )
    moment, position, transaction_id = cursor.fetchone()
    told = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    return RecoveryPoint(told, position, transaction_id)


def _interrupted(error: BaseException) -> bool:
    """Whether ``error`` is a KeyboardInterrupt, or comes of one that broke off a statement."""
    behind: BaseException | None = error
    while behind and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind is not None
