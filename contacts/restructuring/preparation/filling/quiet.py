"""Keeping the triggers of others from seeing what the preparation writes.

To fill a column is no edit: a trigger that keeps ``updated_at``, or an audit, must not see it.
While the application works, nobody's trigger can be switched off for all; a session in replica mode
fires none but those that are meant to fire there, for itself alone. It takes a right that not every
role has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, transaction
from psycopg2.errors import InsufficientPrivilege

from contacts.restructuring.database.layout import Layout
from contacts.restructuring.preparation.work import Worker
from jmsk.postgres.prepared import OF_THE_TOOL
from jmsk.postgres.queries import rows

REPLICA = "SET LOCAL session_replication_role = replica"
ORIGIN = "SET LOCAL session_replication_role = origin"
LISTENING = f"""
    SELECT 'trigger ' || tgname, tgenabled IN ('A', 'R') FROM pg_trigger
     WHERE tgrelid = %(table)s AND NOT tgisinternal AND tgenabled <> 'D'
       AND tgname !~ '{OF_THE_TOOL}'
       AND (NOT %(new_column)s OR tgtype & 16 <> 0 AND cardinality(tgattr::smallint[]) = 0)
    UNION ALL
    SELECT 'rule ' || rulename, ev_enabled IN ('A', 'R') FROM pg_rewrite
     WHERE ev_class = %(table)s AND ev_enabled <> 'D'
       AND CASE WHEN %(new_column)s THEN ev_type = '2' ELSE ev_type <> '1' END
"""
"""What a change of a table sets off, and whether it does so in replica mode, too."""


def listening(cursor: Any, layout: Layout, table: str) -> list[tuple[Any, ...]]:
    """Return the triggers and rules of others that a change of ``table`` sets off.

    Of orders only a column is filled that others do not know.
    """
    names = {"table": layout.tables[table].oid, "new_column": table == "orders"}
    return rows(cursor, LISTENING, names)


def may_be_replica(cursor: Any) -> bool:
    """Return whether this role may go into replica mode."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(REPLICA)
            cursor.execute(ORIGIN)
    except DatabaseError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        return False
    return True


def heard_anyway(cursor: Any, layout: Layout, table: str = "orders") -> list[str]:
    """Name the triggers and rules that would hear of a change whatever is done about it."""
    found = listening(cursor, layout, table)
    if not found:
        return []
    replica = may_be_replica(cursor)
    return [name for name, always in found if always or not replica]


@contextmanager
def other_triggers_silent(cursor: Any, worker: Worker, table: str = "orders") -> Iterator[None]:
    """Let what is written inside be heard by the journal only, where others listen."""
    if not listening(cursor, worker.layout, table):
        yield
        return
    cursor.execute(REPLICA)
    yield
    cursor.execute(ORIGIN)
