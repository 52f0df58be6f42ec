"""Taking a preparation away: the database as it was, with what the application wrote since."""

from functools import partial
from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, PREPARED_COLUMNS
from contacts.restructuring.preparation.filling.autoanalyze import resume_analyze
from contacts.restructuring.preparation.filling.defaults import release
from contacts.restructuring.preparation.filling.placing import take_back
from contacts.restructuring.preparation.indexes import drop_indexes
from contacts.restructuring.preparation.installing.journal_triggers import remove_journal
from contacts.restructuring.preparation.state import Phase, drop_state, note
from contacts.restructuring.preparation.work import Worker


def abandon(worker: Worker) -> None:
    """Take away what the preparation added, a few milliseconds of lock a table.

    Whatever kills it, the same command goes on: nothing but that is possible once it has begun.
    """
    worker.transact(lambda cursor: note(cursor, Phase.ABANDON), "noting that it is abandoned")
    drop_indexes(worker)
    take_back(worker)
    for table in LEGACY_NAMES:
        work = partial(_take_away, worker=worker, table=table)
        worker.transact(work, f"taking the journal of {table} away")
    worker.transact(_forget, "forgetting the preparation")


def _take_away(cursor: Any, worker: Worker, table: str) -> None:
    worker.lock(cursor, table, "ACCESS EXCLUSIVE")
    remove_journal(cursor, table, table)
    for column in PREPARED_COLUMNS.get(table, ()):
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")
    if table == "orders":
        resume_analyze(cursor)


def _forget(cursor: Any) -> None:
    release(cursor)
    drop_state(cursor)
