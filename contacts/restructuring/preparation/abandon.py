"""Taking a preparation away: the database as it was, with what the application wrote since."""

from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, PREPARED_COLUMNS
from contacts.restructuring.database.locks import lock
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

        def work(cursor: Any, table: str = table) -> None:
            lock(cursor, worker.layout.tables[table], "ACCESS EXCLUSIVE")
            remove_journal(cursor, table, table)
            for column in PREPARED_COLUMNS.get(table, ()):
                cursor.execute(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")

        worker.transact(work, f"taking the journal of {table} away")

    def forget(cursor: Any) -> None:
        release(cursor)
        drop_state(cursor)

    worker.transact(forget, "forgetting the preparation")
