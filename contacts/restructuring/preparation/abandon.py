"""Taking a preparation away: the database as it was, with what the application wrote since."""

from functools import partial
from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, PREPARED_COLUMNS
from contacts.restructuring.database.locking.locks import lock
from contacts.restructuring.database.tables import Table
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
        work = partial(_take_away, table=worker.layout.tables[table])
        worker.transact(work, f"taking the journal of {table} away")
    worker.transact(_forget, "forgetting the preparation")


def _take_away(cursor: Any, table: Table) -> None:
    lock(cursor, table, "ACCESS EXCLUSIVE")
    remove_journal(cursor, table.name, table.name)
    for column in PREPARED_COLUMNS.get(table.name, ()):
        cursor.execute(f"ALTER TABLE {table.name} DROP COLUMN IF EXISTS {column}")


def _forget(cursor: Any) -> None:
    release(cursor)
    drop_state(cursor)
