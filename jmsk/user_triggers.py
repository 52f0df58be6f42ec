"""The triggers that other programs have put on a table, and how to keep them out of the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jmsk.catalogue import execute

USER_TRIGGERS = """
    SELECT tgname, tgenabled FROM pg_trigger
     WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled <> 'D'
"""
ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@contextmanager
def without_user_triggers(cursor: Any, *tables: str) -> Iterator[None]:
    """Switch off the triggers that others have put on ``tables``, and on again as they were.

    The restructuring is no edit: a trigger that keeps ``updated_at`` or an audit must not see it.
    The caller holds the tables locked, so nobody else's change escapes a trigger meanwhile.
    """
    switched = []
    for table in tables:
        cursor.execute(USER_TRIGGERS, [table])
        switched += [(table, *row) for row in cursor.fetchall()]
    for table, trigger, _ in switched:
        execute(cursor, "ALTER TABLE {table} DISABLE TRIGGER {name}", table=table, name=trigger)
    yield
    for table, trigger, enabled in switched:
        enable = f"ALTER TABLE {{table}} {ENABLE[enabled]} TRIGGER {{name}}"
        execute(cursor, enable, table=table, name=trigger)
