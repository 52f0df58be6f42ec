"""What follows the switch, when nobody is locked out any more: constraints validated, tools gone.

A bridge gets its indexes first, for until then its searches read all contacts. The switch made
foreign keys and check rules NOT VALID: they hold for all that is written from then on, and here the
server reads the rows that were there before. Whatever is killed, the next ``migrate_contacts`` goes
on with it.
"""

from functools import partial
from typing import Any

from contacts.restructuring.checks.tables.target_columns import RESTRUCTURED
from contacts.restructuring.preparation.installing.journal_triggers import remove_journal
from contacts.restructuring.preparation.state import drop_state, is_begun
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.state.legacy_objects import own_names
from contacts.restructuring.switching.bridge_indexes import are_missing, build_beside
from jmsk.postgres.queries import execute, rows

UNVALIDATED = """
    SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     WHERE NOT k.convalidated AND k.conrelid = ANY(%s::oid[]) AND k.conname = ANY(%s)
     ORDER BY c.relname, k.conname
"""
VALIDATE = "ALTER TABLE {table} VALIDATE CONSTRAINT {name}"


def finish(worker: Worker) -> list[str]:
    """Index a bridge, validate what the switch left NOT VALID, put the preparation's tools away.

    ``worker`` holds the layout of the migrated database. Returns the names of what was validated.
    """
    lacking = worker.transact(partial(are_missing, worker=worker), "looking at the bridge")
    if lacking:
        with worker.journal.step("bridge indexes", "Building the bridge's indexes"):
            build_beside(worker)
    unvalidated = worker.transact(
        lambda cursor: _unvalidated(worker, cursor), "reading constraints"
    )
    for number, (table, name) in enumerate(unvalidated):
        worker.journal.progress_of("constraint", "constraints", number, len(unvalidated), name)
        validate = partial(execute, template=VALIDATE, table=worker.table(table), name=name)
        worker.transact(validate, f"validating {name}")
    worker.transact(put_away, "putting the journal away")
    return [name for _, name in unvalidated]


def put_away(cursor: Any) -> None:
    """Take away what the switch has left of the preparation. Does nothing where nothing is left.

    The trigger of tenants goes last: to drop it locks out the readers of a table that the switch
    itself leaves to them.
    """
    if not is_begun(cursor):
        return
    remove_journal(cursor, "tenants", "tenants")
    drop_state(cursor)


def _unvalidated(worker: Worker, cursor: Any) -> list[tuple[Any, ...]]:
    return rows(cursor, UNVALIDATED, [worker.layout.oids(RESTRUCTURED), sorted(own_names())])
