"""The legacy application, unchanged: before, during and after the cut-over, and on the way back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.support.command import assert_migrates, assert_succeeds
from tests.support.databases import Database
from tests.support.invariants import assert_rules_hold
from tests.support.legacy_application import LegacyApplication, sees_the_bridge
from tests.support.waiting import wait_until

CLIENTS = 4
SOME = 25
"""Requests of each client that are enough to say that it works in a phase."""


class Load:
    """Clients at work until it is told to stop. ``done`` counts the requests of each."""

    def __init__(self, clients: list[LegacyApplication]) -> None:
        self.clients = clients
        self.done = [0] * len(clients)
        self.failed: list[str] = []
        self.stop = threading.Event()

    def work(self, number: int) -> None:
        while not self.stop.is_set():
            try:
                self.clients[number].any_request()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a failed request
                self.failed.append(f"{type(error).__name__}: {error}")
            self.done[number] += 1

    def goes_on(self) -> None:
        """Wait until every client has done some more requests."""
        least = [count + SOME for count in self.done]
        wait_until(lambda: all(a >= b for a, b in zip(self.done, least, strict=True)), 120)
        assert self.failed == []


@contextmanager
def load(database: Database) -> Iterator[Load]:
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


def test_no_request_fails_through_a_cut_over_and_back(sample: Database, tmp_path: Path) -> None:
    with load(sample) as at_work:
        at_work.goes_on()
        assert_migrates(tmp_path, "--bridge")
        at_work.goes_on()
        assert_rules_hold(sample)
        assert all(sees_the_bridge(client) for client in at_work.clients)
        assert_succeeds(tmp_path, "--skip-backup", "--rollback")
        at_work.goes_on()
        assert not any(sees_the_bridge(client) for client in at_work.clients)
    assert at_work.failed == []


def test_a_session_from_before_can_do_all_requests_afterwards(
    sample: Database, tmp_path: Path
) -> None:
    with closing(LegacyApplication(sample, "shop")) as application:
        for request in application.requests.values():
            request()
        assert_migrates(tmp_path, "--bridge")
        assert sees_the_bridge(application)
        for request in application.requests.values():
            request()


def test_lists_give_the_same_before_and_after(sample: Database, tmp_path: Path) -> None:
    with closing(LegacyApplication(sample, "shop")) as application:
        before = application.list_customers(), application.list_orders()
        assert_migrates(tmp_path, "--bridge")
        assert (application.list_customers(), application.list_orders()) == before
