"""At the fast pace a run works in several sessions, side by side."""

import threading
from typing import Any

import pytest
from django.db import DataError

from contacts.restructuring.preparation.filling import backfill
from contacts.restructuring.preparation.sessions import Counter, side_by_side
from contacts.restructuring.preparation.work import Worker
from jmsk.postgres.queries import value
from tests.support.database.databases import Database
from tests.support.runs.preparation import worker
from tests.support.waiting import wait_until

DEADLINE = 30.0
"""Seconds after which a thread that does not come is given up."""


def own_pid(one: Worker, share: Any = None) -> int:
    """Return which session of the server ``one`` works in."""
    return int(
        one.transact(lambda cursor: value(cursor, "SELECT pg_backend_pid()"), "asking for the pid")
    )


def test_each_share_has_a_session_of_its_own_that_is_closed_afterwards(sample: Database) -> None:
    one = worker()
    together = threading.Barrier(3)

    def work(each: Worker, share: str) -> tuple[str, int]:
        together.wait(DEADLINE)
        return share, own_pid(each)

    done = side_by_side(one, ["a", "b", "c"], work)

    assert [share for share, _ in done] == ["a", "b", "c"]
    assert done[0][1] == own_pid(one)
    others = {pid for _, pid in done[1:]}
    assert len(others - {own_pid(one)}) == 2
    left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
    wait_until(lambda: sample.value(left, [list(others)]) == 0)


def test_the_others_stop_where_the_first_is_interrupted(sample: Database) -> None:
    one = worker()
    started, stopped = threading.Event(), threading.Event()

    def work(each: Worker, share: int) -> None:
        if share == 0:
            assert started.wait(DEADLINE)
            raise KeyboardInterrupt
        try:
            while True:
                own_pid(each)
                started.set()
                each.sleep(0)
        finally:
            stopped.set()

    with pytest.raises(KeyboardInterrupt):
        side_by_side(one, [0, 1], work)

    assert stopped.is_set()


def test_a_statement_of_another_session_is_cancelled_where_the_first_is_interrupted(
    sample: Database,
) -> None:
    """Else Ctrl-C would have to wait until an index is made."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    one = worker()

    def work(each: Worker, share: int) -> None:
        if share:
            each.transact(lambda cursor: cursor.execute("SELECT pg_sleep(600)"), "sleeping")
        wait_until(lambda: sample.value(sleeping) == 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(one, [0, 1], work)

    wait_until(lambda: sample.value(sleeping) == 0, 10)


def test_what_another_session_meets_is_raised(sample: Database) -> None:
    def work(each: Worker, share: int) -> None:
        if share:
            each.transact(lambda cursor: cursor.execute("SELECT 1 / 0"), "dividing")

    with pytest.raises(DataError, match="division by zero"):
        side_by_side(worker(), [0, 1], work)


@pytest.mark.parametrize(("first", "last"), [(0, 1), (0, 7), (3, 50), (0, 1000), (990, 1000)])
def test_blocks_take_every_page_once(first: int, last: int) -> None:
    pages: list[int] = []
    progress = backfill.Progress(first, last, Counter(), 0)

    while progress.page < progress.last:
        blocks = backfill._blocks(progress, 20, 6)
        assert 1 <= len(blocks) <= 6
        assert all(end - begin <= 20 for begin, end in blocks)
        pages += [page for begin, end in blocks for page in range(begin, end)]
        progress.page = blocks[-1][1]

    assert pages == list(range(first, last))
