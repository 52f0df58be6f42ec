"""Filling ``orders.company_id``, page by page, in rounds.

First every twelfth row of some pages, then the next twelfth, and so on: what a round leaves dead
makes room in the page for the next one, so that the update touches no index and the table hardly
grows. The last round takes whatever is left.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from contacts.restructuring.preparation.filling.batch import fill
from contacts.restructuring.preparation.filling.defaults import reserve
from contacts.restructuring.preparation.filling.quiet import other_triggers_silent
from contacts.restructuring.preparation.pace import Throttle, reason_to_pause
from contacts.restructuring.preparation.state import Phase, note, read_state
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.prepared_meaning import Meaning, read_meanings
from jmsk.postgres.queries import row

ROUNDS = 12
PAGES = 200
FEWEST, MOST = 8, 1200
SOME = "o.ctid >= %(from)s::tid AND o.ctid < %(to)s::tid AND o.company_id = 0"
ROUND = " AND o.id %% %(rounds)s = %(round)s"
SIZE = """
    SELECT pg_relation_size(oid) / current_setting('block_size')::integer,
           greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s
"""


@dataclass
class Progress:
    """From which page to which, how many rows were filled, and of about how many."""

    page: int
    last: int
    filled: int
    total: int


def settle_defaults(worker: Worker) -> None:
    """Reserve the default companies, and note from where to where orders are to be filled."""

    def work(cursor: Any) -> None:
        reserve(cursor)
        pages, _ = _size(cursor, worker)
        note(cursor, Phase.BACKFILL, page=0, pages=pages)

    worker.transact(work, "reserving the default companies")


def backfill(worker: Worker) -> None:
    """Fill the company of every order that has none yet, from where it was left off."""
    progress, meaning = worker.transact(
        lambda cursor: (
            _read_progress(cursor, worker),
            read_meanings(cursor, worker.layout)["orders"],
        ),
        "seeing how many orders are filled",
    )
    throttle = throttle_of(worker)
    pages = PAGES
    while progress.page < progress.last:
        end = min(progress.page + pages, progress.last)
        usual = _fill_pages(worker, meaning, throttle, progress, end)
        progress.page = end
        if usual > 1.3 * worker.pace.batch_seconds:
            pages = max(FEWEST, int(pages * 0.7))
        elif usual < 0.8 * worker.pace.batch_seconds:
            pages = min(MOST, int(pages * 1.2) + 1)
    worker.transact(lambda cursor: note(cursor, Phase.INDEX), "noting that orders are filled")


def throttle_of(worker: Worker) -> Throttle:
    """Return what keeps the batches of ``worker`` at its pace."""
    return Throttle(
        worker.pace,
        lambda: worker.transact(
            lambda cursor: reason_to_pause(cursor, worker.pace), "looking at the application"
        ),
        worker.journal.wait,
    )


def _read_progress(cursor: Any, worker: Worker) -> Progress:
    _, total = _size(cursor, worker)
    notes = read_state(cursor).notes
    page, last = notes["page"], notes["pages"]
    return Progress(page, last, round(total * page / max(1, last)), total)


def _size(cursor: Any, worker: Worker) -> tuple[Any, ...]:
    return row(cursor, SIZE, [worker.layout.tables["orders"].oid])


def _fill_pages(
    worker: Worker, meaning: Meaning, throttle: Throttle, progress: Progress, end: int
) -> float:
    """Fill the orders of some pages, round by round; return the median round's seconds.

    To begin and to end its transaction does not count: over a long line that takes as long with
    few rows as with many.
    """
    spent: list[float] = []
    for number in range(ROUNDS + 1):

        def work(cursor: Any, number: int = number) -> int:
            began = time.monotonic()
            with other_triggers_silent(cursor, worker):
                filled = _round(cursor, worker, meaning, progress.page, end, number)
            spent.append(time.monotonic() - began)
            if number == ROUNDS:
                note(cursor, Phase.BACKFILL, page=end)
            return filled

        began = time.monotonic()
        progress.filled += worker.transact(work, "filling orders.company_id")
        took = time.monotonic() - began
        worker.journal.progress(progress.filled, max(progress.total, progress.filled), "orders")
        throttle.after(took)
    return median(spent)


def _round(cursor: Any, worker: Worker, meaning: Meaning, page: int, end: int, number: int) -> int:
    some = SOME if number == ROUNDS else SOME + ROUND
    pages = {"from": f"({page},0)", "to": f"({end},0)"}
    parameters = {**pages, "rounds": ROUNDS, "round": number}
    return fill(cursor, worker.layout, meaning, some, parameters)
