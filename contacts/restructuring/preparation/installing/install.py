"""The column that is to come, and the journal: a few milliseconds of lock a table.

Nothing that is installed refuses a write of the application, and no trigger changes another row.
``orders.company_id`` is NOT NULL from the start; its default of 0, which rewrites nothing, says
that the order's company was not computed yet.
"""

from functools import partial
from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, PREPARED_COLUMNS, read_layout
from contacts.restructuring.failures import Failure
from contacts.restructuring.preparation.filling.autoanalyze import suspend_analyze
from contacts.restructuring.preparation.filling.defaults import sequence_position
from contacts.restructuring.preparation.installing.fences import broken_fences, read_shapes
from contacts.restructuring.preparation.installing.journal_triggers import (
    ROW_TRIGGER,
    install_journal,
    listen_to_every_column,
    read_seals,
    remove_journal,
)
from contacts.restructuring.preparation.state import Phase, create_state, is_begun, note, read_state
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.prepared_meaning import read_meanings
from jmsk.postgres.column_types import column_type
from jmsk.postgres.prepared import has_column
from jmsk.postgres.queries import execute, value

ADD_COLUMNS = {
    "customers": "ALTER TABLE customers ADD COLUMN placed_in_company_id {key}, "
    "ADD COLUMN email_set_aside {email}",
    "orders": "ALTER TABLE orders ADD COLUMN company_id {key} NOT NULL DEFAULT 0",
}
FROM_THE_START = "orders"
LIKE = {"key": ("companies", "id"), "email": ("customers", "email")}
"""The columns whose types the new ones take."""
HAS_JOURNAL = "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = %s AND tgname = %s)"


def begin(worker: Worker) -> None:
    """Write the state row: from here on there is a preparation."""

    def work(cursor: Any) -> None:
        if is_begun(cursor):
            return
        create_state(cursor)
        note(
            cursor,
            Phase.INSTALL,
            columns={table: list(names) for table, names in PREPARED_COLUMNS.items()},
            indexes=[],
            sequence=sequence_position(cursor),
        )

    worker.transact(work, "noting that the preparation begins")


def install(worker: Worker, *, anew: bool = False) -> None:
    """Give each table its new columns and its journal, one after another.

    ``anew`` replaces a journal that is there, since it cannot be believed any more.
    """
    for table in LEGACY_NAMES:
        work = partial(_install, worker=worker, table=table, anew=anew)
        worker.transact(work, f"installing the journal of {table}")

    def seal(cursor: Any) -> None:
        layout = worker.layout
        seals, shapes = read_seals(cursor, layout), read_shapes(cursor, layout)
        note(cursor, Phase.BASE, seals=seals, shapes=shapes)

    worker.transact(seal, "noting what was installed")


def _install(cursor: Any, worker: Worker, table: str, *, anew: bool) -> None:
    has_one = value(cursor, HAS_JOURNAL, [worker.layout.tables[table].oid, ROW_TRIGGER])
    if has_one and not anew:
        return
    # One strong lock instead of a weak one that has to grow into it, which invites a deadlock.
    strong = table == FROM_THE_START or anew
    worker.lock(cursor, table, "ACCESS EXCLUSIVE" if strong else "SHARE ROW EXCLUSIVE")
    if anew:
        remove_journal(cursor, table, table)
    if table == FROM_THE_START:
        _add_columns(cursor, table)
        suspend_analyze(cursor, worker)
    _install_journal(worker, cursor, table)


def _add_columns(cursor: Any, table: str) -> None:
    if has_column(cursor, table, PREPARED_COLUMNS[table][0]):
        return
    types = {name: column_type(cursor, column) for name, column in LIKE.items()}
    execute(cursor, ADD_COLUMNS[table], **types)


def _install_journal(worker: Worker, cursor: Any, table: str) -> None:
    layout = read_layout(worker.connection)
    install_journal(cursor, layout.schema, read_meanings(cursor, layout)[table])


def hear_everything(worker: Worker, cursor: Any) -> None:
    """Let the journal of orders hear updates of the company, too, now that it is filled.

    Where somebody has touched a journal trigger meanwhile, the old seals stay: they tell of it.
    """
    worker.lock(cursor, FROM_THE_START, "SHARE ROW EXCLUSIVE")
    state, layout = read_state(cursor), worker.layout
    untouched = read_seals(cursor, layout) == state.notes["seals"]
    listen_to_every_column(cursor, layout.schema, FROM_THE_START)
    if untouched:
        note(cursor, state.phase, seals=read_seals(cursor, layout))


def install_placing(worker: Worker, cursor: Any) -> None:
    """Give customers the columns that tell who was placed, and a journal that knows them.

    Under one lock, so that no write goes past either journal. Raises Failure where the one that is
    there cannot be believed.
    """
    worker.lock(cursor, "customers", "ACCESS EXCLUSIVE")
    state = read_state(cursor)
    broken = broken_fences(cursor, worker.layout, state)
    if broken:
        raise Failure(
            "MC907",
            f"Customers cannot be placed early: {'; '.join(broken)}. What was prepared stays. Run "
            "the same command again: it begins the journal anew.",
        )
    _add_columns(cursor, "customers")
    remove_journal(cursor, "customers", "customers")
    _install_journal(worker, cursor, "customers")
    note(cursor, state.phase, seals=read_seals(cursor, worker.layout))
