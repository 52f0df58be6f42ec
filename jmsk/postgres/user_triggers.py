"""The triggers and rules that other programs have put on a table, and how to keep them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jmsk.postgres.queries import execute, rows

USER_TRIGGERS = """
    SELECT 'TRIGGER', tgname, tgenabled FROM pg_trigger
     WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal AND tgenabled <> 'D'
    UNION ALL
    SELECT 'RULE', rulename, ev_enabled FROM pg_rewrite
     WHERE ev_class = %(table)s::regclass AND ev_enabled <> 'D'
"""
ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@contextmanager
def without_user_triggers(cursor: Any, *tables: str) -> Iterator[None]:
    """Switch off the triggers and rules that others have put on ``tables``, then on as they were.

    The restructuring is no edit: a trigger that keeps ``updated_at`` or an audit must not see it,
    and a rule must not turn it into something else. The caller holds the tables locked, so nobody
    else's change escapes a trigger meanwhile.
    """
    switched = []
    for table in tables:
        switched += [(table, *row) for row in rows(cursor, USER_TRIGGERS, {"table": table})]
    for table, kind, name, _ in switched:
        execute(cursor, f"ALTER TABLE {{table}} DISABLE {kind} {{name}}", table=table, name=name)
    yield
    for table, kind, name, enabled in switched:
        enable = f"ALTER TABLE {{table}} {ENABLE[enabled]} {kind} {{name}}"
        execute(cursor, enable, table=table, name=name)
