"""Short transactions beside a working application, and the lock that keeps other runs away."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from contacts.restructuring.database.locking.blockers import blocking_sessions
from contacts.restructuring.database.locking.locks import (
    DEADLOCK_TIMEOUT,
    gave_up_waiting,
    lock,
)
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.locking.run_lock import take_run_lock
from contacts.restructuring.database.settings import apply_changing_settings, temporarily
from contacts.restructuring.failures import Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.preparation.pace import (
    NORMAL,
    Pace,
    Throttle,
    old_snapshots,
    reason_to_pause,
)
from jmsk.postgres.queries import value
from jmsk.wording import counted

T = TypeVar("T")
SHORT_TRIES = Patience(seconds=0.3, tries=40)
"""A lock that the application needs is asked for briefly, and often: who waits for a lock makes all
who come after wait, too."""
WAIT_OUTSIDE = 60.0
"""Seconds for which one try waits: to build an index beside others waits for their transactions."""
YIELDING = 1000
"""Milliseconds that an automatic vacuum may take to give way."""
OUTSIDE = {
    "statement_timeout": "0",
    "lock_timeout": f"{WAIT_OUTSIDE:g}s",
    "maintenance_work_mem": "256MB",
}
HELPERS = "max_parallel_workers_per_gather"
MAINTENANCE_HELPERS = "max_parallel_maintenance_workers"
SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True)
class Worker:
    """Who prepares: the connection, the tables, and how much of the server to take.

    With ``place_early`` customers without a company are placed before the switch. It ``sleep``s
    between tries and batches.
    """

    connection: BaseDatabaseWrapper
    layout: Layout
    journal: Journal
    pace: Pace = NORMAL
    patience: Patience = SHORT_TRIES
    place_early: bool = False
    sleep: Callable[[float], None] = time.sleep

    def transact(self, work: Callable[[Any], T], what: str, *, snapshot: bool = False) -> T:
        """Run ``work(cursor)`` in a transaction of its own, again where a lock was not to be had.

        ``what`` says what is done, for people; with ``snapshot`` all of it sees one state of the
        database. Raises Failure after the last try; what was done before stays.
        """

        def attempt() -> T:
            with transaction.atomic(using=self.connection.alias, durable=True):
                return self._attempt(work, snapshot=snapshot)

        return self._try(attempt, what, self.patience.seconds)

    def beside(self, work: Callable[[Any], T], what: str, **settings: str) -> T:
        """Run ``work(cursor)`` outside any transaction, again where a lock was not to be had.

        It has to put right what an earlier try left. Else as :meth:`transact` and :meth:`outside`.
        """

        def attempt() -> T:
            with self.outside(**settings) as cursor:
                return work(cursor)

        return self._try(attempt, what, WAIT_OUTSIDE)

    def _try(self, attempt: Callable[[], T], what: str, seconds: float) -> T:
        for number in range(1, self.patience.tries + 1):
            try:
                return attempt()
            except OperationalError as error:
                if not gave_up_waiting(error):
                    raise
            told = self._in_the_way()
            if number < self.patience.tries:
                self.journal.wait(f"{what}: try {number}, waiting for {told}")
                self.sleep(min(0.3 * number, 3.0))  # lets the queue behind our request move on
        raise Failure(
            "MC902",
            f"No lock could be had for this step of the preparation: {what}, in "
            f"{counted(self.patience.tries, 'try', 'tries')} of {seconds:g} s. "
            f"In the way: {told}. What was prepared before stays. End these sessions, or wait for "
            "them, and run the same command again: it goes on from here.",
        )

    @contextmanager
    def outside(self, **settings: str) -> Iterator[Any]:
        """Give a cursor outside any transaction, for what cannot run inside one.

        Its ``settings``, and those that it always has, are put back at the end, for behind a pooler
        the session serves others, too; and names have to be given with their schema.
        """
        settings = {**OUTSIDE, MAINTENANCE_HELPERS: str(self.pace.helpers), **settings}
        with self.connection.cursor() as cursor:
            for setting in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", setting)
            try:
                yield cursor
            finally:
                if not cursor.connection.closed:
                    cursor.execute("; ".join(f"RESET {name}" for name in settings))

    def lock(self, cursor: Any, name: str, mode: str) -> None:
        """Lock a table in ``mode`` until the transaction ends.

        An automatic vacuum gives way, but only to who waits for longer than writers should have to
        queue behind. So it is waited for in a mode behind which nobody queues.
        """
        table = self.layout.tables[name]
        patient = value(cursor, DEADLOCK_TIMEOUT) + YIELDING
        with temporarily(cursor, {"lock_timeout": f"{patient}ms"}):
            lock(cursor, table, "SHARE UPDATE EXCLUSIVE")
        lock(cursor, table, mode)

    def throttle(self) -> Throttle:
        """Return what keeps its batches at its pace, from now on."""
        return Throttle(
            self.pace,
            lambda: self.transact(
                lambda cursor: reason_to_pause(cursor, self.pace), "looking at the application"
            ),
            self.journal.wait,
            self.sleep,
        )

    def table(self, name: str) -> sql.Identifier:
        """Return the name of a table with its schema."""
        return sql.Identifier(self.layout.schema, name)

    def _attempt(self, work: Callable[[Any], T], *, snapshot: bool) -> T:
        with self.connection.cursor() as cursor:
            if snapshot:
                cursor.execute(f"SET TRANSACTION {SNAPSHOT}")
            helpers = {HELPERS: str(self.pace.helpers)}
            apply_changing_settings(cursor, self.layout.schema, self.patience, helpers)
            return work(cursor)

    def _in_the_way(self) -> str:
        tables = [
            (self.layout.tables[name], "ACCESS EXCLUSIVE")
            for name in LEGACY_NAMES
            if name in self.layout.tables
        ]
        with self.connection.cursor() as cursor:
            found = blocking_sessions(cursor, tables) or old_snapshots(cursor)
        return "; ".join(found) or "a session that has just ended"


@contextmanager
def run_lock_held(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Hold the lock of runs for as long as the block takes, over many transactions.

    A second connection holds it in a transaction of its own, which has no snapshot and keeps
    nothing from being vacuumed; unlike a session's lock it survives a transaction pooler. Raises
    Failure, naming the holder, if another run is at work.
    """
    keeper = connections.create_connection(connection.alias)
    try:
        keeper.set_autocommit(False)
        with keeper.cursor() as cursor:
            take_run_lock(cursor)
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield
    finally:
        with suppress(DatabaseError, InterfaceError):
            keeper.rollback()  # the server lets go of the lock before it answers
        keeper.close()
