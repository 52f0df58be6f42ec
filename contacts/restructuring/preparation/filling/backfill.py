"""Filling ``orders.company_id``, page by page, in rounds.

First every twelfth row of some pages, then the next twelfth, and so on: what a round leaves dead
makes room in the page for the next one, so that the update touches no index and the table hardly
grows. The last round takes whatever is left.

Only what no statement that is still at work may see can make room. So the rounds of a few blocks of
pages take turns: until a block's turn comes again, the statements of other sessions have ended.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from math import ceil
from statistics import median
from typing import Any

from contacts.restructuring.preparation.filling.autoanalyze import resume_analyze
from contacts.restructuring.preparation.filling.batch import fill
from contacts.restructuring.preparation.filling.defaults import reserve
from contacts.restructuring.preparation.filling.quiet import other_triggers_silent
from contacts.restructuring.preparation.installing.install import hear_everything
from contacts.restructuring.preparation.sessions import Counter, side_by_side
from contacts.restructuring.preparation.state import Phase, note, read_state
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.prepared_meaning import Meaning, read_meanings
from jmsk.postgres.queries import row

ROUNDS = 12
TURNS = 3
"""How many blocks of a session take turns."""
PAGES = 200
FEWEST, MOST = 8, 1200
"""Pages of a block."""
SOME = "o.ctid >= %(from)s::tid AND o.ctid < %(to)s::tid AND o.company_id = 0"
ROUND = " AND o.id %% %(rounds)s = %(round)s"
SIZE = """
    SELECT pg_relation_size(oid) / current_setting('block_size')::integer,
           greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s
"""
Block = tuple[int, int]
"""From which page to which."""


@dataclass
class Progress:
    """From which page to which, how many rows were filled, and of about how many."""

    page: int
    last: int
    filled: Counter
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
    pages, pace = PAGES, worker.pace
    while progress.page < progress.last:
        blocks = _blocks(progress, pages, TURNS * pace.sessions)
        sessions = min(pace.sessions, len(blocks))
        spent = side_by_side(
            worker,
            [blocks[number::sessions] for number in range(sessions)],
            lambda one, share: _fill_blocks(one, meaning, progress, share),
        )
        progress.page = blocks[-1][1]
        _note_page(worker, progress)
        pages = _fitting(pages, median(chain(*spent)), pace.batch_seconds)
    worker.transact(lambda cursor: _end(cursor, worker), "hearing of every update of orders")


def _read_progress(cursor: Any, worker: Worker) -> Progress:
    _, total = _size(cursor, worker)
    notes = read_state(cursor).notes
    page, last = notes["page"], notes["pages"]
    filled = Counter(round(total * page / max(1, last)))
    return Progress(page, last, filled, total)


def _size(cursor: Any, worker: Worker) -> tuple[Any, ...]:
    return row(cursor, SIZE, [worker.layout.tables["orders"].oid])


def _blocks(progress: Progress, pages: int, most: int) -> list[Block]:
    """Return the next blocks, alike: ``most`` of them of at most ``pages``, or fewer at last."""
    first = progress.page
    whole = min(pages * most, progress.last - first)
    number = min(most, ceil(whole / FEWEST))
    return list(pairwise(first + whole * part // number for part in range(number + 1)))


def _fitting(pages: int, usual: float, wanted: float) -> int:
    """Return how many pages a block should have, where ``pages`` took ``usual`` seconds."""
    if 0.8 * wanted <= usual <= 1.3 * wanted:
        return pages
    return min(MOST, max(FEWEST, round(pages * min(2.0, wanted / usual))))


def _fill_blocks(
    worker: Worker, meaning: Meaning, progress: Progress, blocks: Sequence[Block]
) -> list[float]:
    """Fill the orders of some blocks, round by round; return the seconds of each batch.

    To begin and to end its transaction does not count: over a long line that takes as long with
    few rows as with many.
    """
    throttle = worker.throttle()
    spent: list[float] = []
    for number, block in product(range(ROUNDS + 1), blocks):

        def work(cursor: Any, number: int = number, block: Block = block) -> int:
            began = time.monotonic()
            with other_triggers_silent(cursor, worker):
                filled = _round(cursor, worker, meaning, block, number)
            spent.append(time.monotonic() - began)
            return filled

        began = time.monotonic()
        filled = progress.filled.add(worker.transact(work, "filling orders.company_id"))
        took = time.monotonic() - began
        worker.journal.progress(filled, max(progress.total, filled), "orders")
        throttle.after(took)
    return spent


def _round(cursor: Any, worker: Worker, meaning: Meaning, block: Block, number: int) -> int:
    some = SOME if number == ROUNDS else SOME + ROUND
    first, end = block
    pages = {"from": f"({first},0)", "to": f"({end},0)"}
    parameters = {**pages, "rounds": ROUNDS, "round": number}
    return fill(cursor, worker.layout, meaning, some, parameters)


def _note_page(worker: Worker, progress: Progress) -> None:
    worker.transact(
        lambda cursor: note(cursor, Phase.BACKFILL, page=progress.page),
        "noting how many orders are filled",
    )


def _end(cursor: Any, worker: Worker) -> None:
    hear_everything(worker, cursor)
    resume_analyze(cursor)
    note(cursor, Phase.INDEX)
