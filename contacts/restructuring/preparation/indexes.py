"""The indexes of the target, made while the application works, under their final names.

The unique one on e-mails refuses nothing that the legacy key does not refuse: it holds more columns
than that.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from psycopg2 import sql

from contacts.restructuring.preparation.sessions import Counter, side_by_side
from contacts.restructuring.preparation.state import Phase, note, read_state
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.state.expected import RENAMED, target_models
from jmsk.postgres.catalogue import TableObject, Type, model_objects, read_objects
from jmsk.postgres.queries import column, execute, spelled

EMAIL_KEY = "uq_contact_email_per_company"
CREATE = "CREATE {unique} INDEX CONCURRENTLY {name} ON {table} {definition}"
DROP = "DROP INDEX CONCURRENTLY IF EXISTS {}"
STANDING = """
    SELECT i.indisvalid AND i.indisready FROM pg_index i
     WHERE i.indexrelid = to_regclass(%s) AND i.indrelid = %s
"""
VACUUM = {
    "orders": "VACUUM (ANALYZE, TRUNCATE OFF) {}",
    "customers": "ANALYZE {}",
    "companies": "ANALYZE {}",
}


@dataclass(frozen=True)
class Wanted:
    """An object of the target that a legacy ``table`` lacks."""

    table: str
    item: TableObject


def missing_objects(cursor: Any) -> list[Wanted]:
    """Return the indexes and keys of the target that nothing in the legacy tables amounts to."""
    return [
        Wanted(table, item)
        for table in ("companies", "customers", "orders")
        for item in _missing(cursor, table)
    ]


def _missing(cursor: Any, table: str) -> Iterator[TableObject]:
    model = target_models()[RENAMED.get(table, table)]
    spare = read_objects(cursor, table)
    for item in model_objects(model):
        if item.kind == "sequence" or item.type is Type.FOREIGN_KEY:
            continue
        want = _in_legacy_words(table, item)
        twin = next((other for other in spare if other.twin_of(want)), None)
        if twin is None:
            yield want
        else:
            spare.remove(twin)


def _in_legacy_words(table: str, item: TableObject) -> TableObject:
    if table != "orders":
        return item
    return replace(item, definition=re.sub(r"\bcontact_id\b", "customer_id", item.definition))


def can_be_prepared(wanted: Wanted) -> bool:
    """Return whether an object can be made early without refusing a write of the application."""
    item = wanted.item
    return item.name == EMAIL_KEY or item.type is Type.NOTHING


def make_indexes(worker: Worker, before: Mapping[str, Callable[[Worker], Any]]) -> None:
    """Refresh what the planner knows, then make the missing indexes, of each table in turn.

    ``before`` says, by table, what else is to be done before that.
    """

    def begin(cursor: Any) -> list[Wanted]:
        ours = set(read_state(cursor).notes["indexes"])
        found = missing_objects(cursor)
        wanted = [item for item in found if can_be_prepared(item)]
        # Noted before it is made: what is killed half made bears a name that is known.
        names = sorted(ours | {item.item.name for item in wanted})
        note(cursor, Phase.INDEX, indexes=names)
        return wanted

    wanted = worker.transact(begin, "looking for missing indexes")
    done, tables, sessions = Counter(), list(VACUUM), worker.pace.sessions

    def work(one: Worker, share: list[str]) -> None:
        for table in share:
            if table in before:
                before[table](one)
            _vacuum(one, table)
            for each in (each for each in wanted if each.table == table):
                name = each.item.name
                one.journal.progress_of("index", "indexes", done.total, len(wanted), name)
                one.beside(partial(_make, worker=one, wanted=each), f"making {name}")
                done.add(1)

    side_by_side(worker, [tables[number::sessions] for number in range(sessions)], work)
    worker.transact(lambda cursor: note(cursor, Phase.VERIFY), "noting that the indexes are made")


def _vacuum(worker: Worker, table: str) -> None:
    """Clear away what filling left dead, while there are no new indexes to clear it from."""
    with worker.outside() as cursor:
        execute(cursor, VACUUM[table], worker.table(table))


def _make(cursor: Any, worker: Worker, wanted: Wanted) -> None:
    item = wanted.item
    definition = item.definition.removeprefix("UNIQUE").strip()
    if not definition.startswith("USING"):
        definition = f"USING btree {definition}"
    index, oid = worker.table(item.name), worker.layout.tables[wanted.table].oid
    for sound in column(cursor, STANDING, [spelled(cursor, index), oid]):
        if sound:
            return
        execute(cursor, DROP, index)
    execute(
        cursor,
        CREATE,
        unique=sql.SQL("UNIQUE" if item.name == EMAIL_KEY else ""),
        name=item.name,
        table=worker.table(wanted.table),
        definition=sql.SQL(definition),
    )


def drop_indexes(worker: Worker) -> None:
    """Drop the indexes that the preparation made, while the application works."""
    names = worker.transact(lambda cursor: read_state(cursor).notes["indexes"], "reading the notes")
    for name in names:
        with worker.outside() as cursor:
            execute(cursor, DROP, worker.table(name))
