"""Several sessions of one run, at work side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.database.cancel import cancel_statement
from contacts.restructuring.journal import Journal
from contacts.restructuring.preparation.work import Worker

S = TypeVar("S")
T = TypeVar("T")
MOMENT = 0.05
"""Seconds in which a session ends that is not waiting for the server."""


class StoppedError(Exception):
    """The run's own session has ended early, so the others end, too."""


def side_by_side(worker: Worker, shares: Sequence[S], work: Callable[[Worker, S], T]) -> list[T]:
    """Run ``work(worker, share)`` for each of ``shares``, and return what they return.

    The first runs in the session of ``worker``, each other one in a session of its own, whose
    worker does what it does alone, and tells nobody of its progress. Raises what one of them
    raises, as soon as the others have ended; where the first raises, their statements are
    cancelled.
    """
    stop = Event()
    sessions: list[BaseDatabaseWrapper] = []

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StoppedError

    def in_own_session(share: S) -> T:
        connection = connections[worker.connection.alias]  # of this thread
        sessions.append(connection)
        try:
            own = replace(
                worker,
                connection=connection,
                journal=Journal(lambda event: None),
                pace=replace(worker.pace, sessions=1),
                sleep=sleep,
            )
            return work(own, share)
        finally:
            connection.close()

    own, *others = shares
    with ThreadPoolExecutor(max(1, len(others))) as threads:
        running = [threads.submit(in_own_session, share) for share in others]
        try:
            return [work(worker, own), *(other.result() for other in running)]
        finally:
            stop.set()
            while wait(running, MOMENT).not_done:
                for session in sessions:
                    cancel_statement(session)


@dataclass
class Counter:
    """How many rows several sessions have done together."""

    total: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, rows: int) -> int:
        """Count ``rows`` that a session has done; return how many are done by now."""
        with self._lock:
            self.total += rows
            return self.total
