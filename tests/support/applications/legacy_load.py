"""The legacy application under load: clients at work, and how long their requests took."""

import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

from tests.support.applications.legacy_application import LegacyApplication
from tests.support.database.databases import Database
from tests.support.waiting import wait_until

CLIENTS = 4
SOME = 25
"""Requests of each client that are enough to say that it works in a phase."""


class Load:
    """Clients at work until it is told to stop. ``done`` counts the requests of each.

    ``phase`` may be set at any time: ``seconds`` has those of the requests that begin in it.
    """

    def __init__(self, clients: list[LegacyApplication]) -> None:
        self.clients = clients
        self.done = [0] * len(clients)
        self.failed: list[str] = []
        self.stop = threading.Event()
        self.phase = "before"
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def work(self, number: int) -> None:
        while not self.stop.is_set():
            phase, began = self.phase, time.monotonic()
            try:
                self.clients[number].any_request()
            except Exception:  # noqa: BLE001  # whatever it is, it is a failed request
                self.failed.append(f"{phase}: {traceback.format_exc()}")
            self.seconds[phase].append(time.monotonic() - began)
            self.done[number] += 1

    def goes_on(self) -> None:
        """Wait until every client has done some more requests."""
        least = [count + SOME for count in self.done]
        wait_until(lambda: all(a >= b for a, b in zip(self.done, least, strict=True)), 120)
        assert self.failed == [], self.failed[0]

    def told(self) -> str:
        """Return a line for each phase: how many requests, p50, p99 and the longest."""
        return "\n".join(_told(phase, sorted(took)) for phase, took in self.seconds.items())


def _told(phase: str, took: list[float]) -> str:
    p50, p99 = (1000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
    return (
        f"{phase:<10} {len(took):5} requests, p50 {p50:7.1f} ms, p99 {p99:7.1f} ms, "
        f"longest {1000 * took[-1]:7.1f} ms"
    )


@contextmanager
def load(database: Database) -> Iterator[Load]:
    """Clients at work inside."""
    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [
            stack.enter_context(closing(LegacyApplication(database, f"client{number}")))
            for number in range(CLIENTS)
        ]
        found = Load(clients)
        running = [pool.submit(found.work, number) for number in range(CLIENTS)]
        try:
            yield found
        finally:
            found.stop.set()
            for one in running:
                one.result()
