"""Putting the company of orders right that moved since they were filled.

When the application moves a customer, only the journal hears of it: no trigger changes another row,
so that no writer waits for a lock that it did not use to wait for. An aid only: the switch looks
again, under the lock.
"""

from functools import partial
from typing import Any

from contacts.restructuring.preparation.filling.batch import LEGACY_COMPANY, fill
from contacts.restructuring.preparation.filling.defaults import reserve
from contacts.restructuring.preparation.filling.quiet import other_triggers_silent
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.prepared_meaning import Meaning, read_meanings
from jmsk.postgres import prepared
from jmsk.postgres.queries import column

WRONG = f"o.company_id IS DISTINCT FROM {LEGACY_COMPANY}"
AT_ONCE = 1000
LEFT_ALONE = AT_ONCE // 2
"""So few of a full batch, and the rest is held by somebody: the next time, or the switch."""
MOVED_ORDERS = f"SELECT order_id FROM {prepared.PENDING}"
JOURNALLED = f"""
    SELECT DISTINCT id FROM {prepared.JOURNAL}
     WHERE table_name = '{{table}}' AND links AND operation = 'U'
"""
CASES: tuple[tuple[str, str | None], ...] = (
    ("o.company_id = 0", None),
    (f"o.id = ANY(%(ids)s) AND {WRONG}", MOVED_ORDERS),
    (f"o.id = ANY(%(ids)s) AND {WRONG}", JOURNALLED.format(table="orders")),
    (f"o.customer_id = ANY(%(ids)s) AND {WRONG}", JOURNALLED.format(table="customers")),
)
"""Which orders may be wrong, and the query for the keys by which they are found."""


def drain(worker: Worker) -> int:
    """Put right what may be wrong; return how many orders were."""
    worker.transact(reserve, "reserving the default companies")
    meaning = worker.transact(
        lambda cursor: read_meanings(cursor, worker.layout)["orders"],
        "reading the columns of orders",
    )
    return sum(_drain(worker, meaning, some, keys) for some, keys in CASES)


def _drain(worker: Worker, meaning: Meaning, some: str, keys: str | None) -> int:
    total = 0
    ids: list[int] = []
    if keys is not None:
        ids = worker.transact(partial(column, query=keys), "reading what moved")
        if not ids:
            return 0

    def work(cursor: Any) -> int:
        with other_triggers_silent(cursor, worker):
            return fill(cursor, worker.layout, meaning, f"{some} LIMIT {AT_ONCE}", {"ids": ids})

    while True:
        filled = worker.transact(work, "putting the company of moved orders right")
        total += filled
        if filled < LEFT_ALONE:
            return total
