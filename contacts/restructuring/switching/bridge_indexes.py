"""The bridge's indexes, built beside the working application: before its lock, or after it."""

from typing import Any

from contacts.restructuring.bridge.columns import view_columns
from contacts.restructuring.bridge.description import INDEXES, read_bridge
from contacts.restructuring.bridge.indexes import make_indexes_beside, standing_indexes
from contacts.restructuring.preparation.work import Worker


def build_beside(worker: Worker) -> None:
    """Build them, of whatever the views are going to compute, while others write."""
    layout = worker.layout
    columns = worker.transact(
        lambda cursor: view_columns(cursor, layout), "reading the legacy columns"
    )
    with worker.outside() as cursor:
        # A column's type may be one of the tables' schema.
        cursor.execute("SELECT set_config('search_path', quote_ident(%s), false)", [layout.schema])
        make_indexes_beside(cursor, layout, columns["customers"])
        cursor.execute("RESET search_path")


def are_missing(cursor: Any, worker: Worker) -> bool:
    """Return whether a bridge stands that lacks one of its indexes."""
    if read_bridge(cursor) is None:
        return False
    return bool(set(INDEXES.values()) - standing_indexes(cursor, worker.layout))
