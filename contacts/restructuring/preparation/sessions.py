"""Several sessions of one run, at work side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import TypeVar

from django.db import connections

from contacts.restructuring import journal
from contacts.restructuring.preparation.work import Worker

S = TypeVar("S")
T = TypeVar("T")


class StoppedError(Exception):
    """The run's own session has ended early, so the others end, too."""


def side_by_side(worker: Worker, shares: Sequence[S], work: Callable[[Worker, S], T]) -> list[T]:
    """Run ``work(worker, share)`` for each of ``shares``, and return what they return.

    The first runs in the session of ``worker``, each other one in a session of its own, whose
    worker tells nobody of its progress. Raises what one of them raises, as soon as the others have
    ended; where the first raises, they end with the batch at which they are.
    """
    stop = Event()

    def listener(event: journal.Event) -> None:
        if stop.is_set():
            raise StoppedError

    def in_own_session(share: S) -> T:
        connection = connections[worker.connection.alias]  # of this thread
        try:
            own = journal.Journal(listener)
            return work(replace(worker, connection=connection, journal=own, watches=False), share)
        finally:
            connection.close()

    own, *others = shares
    with ThreadPoolExecutor(max(1, len(others))) as threads:
        running = [threads.submit(in_own_session, share) for share in others]
        try:
            return [work(worker, own), *(other.result() for other in running)]
        finally:
            stop.set()


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
