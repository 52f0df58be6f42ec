"""The bridge's indexes, built beside the working application: before its lock, or after it."""

from functools import partial
from typing import Any

from contacts.restructuring.bridge.columns import view_columns
from contacts.restructuring.bridge.description import INDEXES, read_bridge
from contacts.restructuring.bridge.indexes import make_indexes_beside, standing_indexes
from contacts.restructuring.preparation.work import Worker
from jmsk.postgres.queries import value


def build_beside(worker: Worker) -> None:
    """Build them, of whatever the views are going to compute, while others write."""
    columns, path = worker.transact(
        # By the path the columns' types were spelled; outside a transaction it is another one.
        lambda cursor: (view_columns(cursor, worker.layout), value(cursor, "SHOW search_path")),
        "reading the legacy columns",
    )
    make = partial(make_indexes_beside, layout=worker.layout, columns=columns["customers"])
    worker.beside(make, "building the bridge's indexes", search_path=path)


def are_missing(cursor: Any, worker: Worker) -> bool:
    """Return whether a bridge stands that lacks one of its indexes."""
    if read_bridge(cursor) is None:
        return False
    return bool(set(INDEXES.values()) - standing_indexes(cursor, worker.layout))
