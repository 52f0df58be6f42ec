"""The triggers and rules that other programs have put on a table, and how to keep them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jmsk.postgres.queries import execute, rows

USER_TRIGGERS = """
    SELECT name, 'TRIGGER', tgname, tgenabled FROM unnest(%(tables)s) AS name
      JOIN pg_trigger ON tgrelid = name::regclass
     WHERE NOT tgisinternal AND tgenabled <> 'D'
    UNION ALL
    SELECT name, 'RULE', rulename, ev_enabled FROM unnest(%(tables)s) AS name
      JOIN pg_rewrite ON ev_class = name::regclass
     WHERE ev_enabled <> 'D'
"""
ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


@contextmanager
def without_user_triggers(cursor: Any, *tables: str) -> Iterator[None]:
    """Switch off the triggers and rules that others have put on ``tables``, then on as they were.

    The restructuring is no edit: a trigger that keeps ``updated_at`` or an audit must not see it,
    and a rule must not turn it into something else. The caller holds the tables locked, so nobody
    else's change escapes a trigger meanwhile.
    """
    switched = rows(cursor, USER_TRIGGERS, {"tables": list(tables)})
    for table, kind, name, _ in switched:
        execute(cursor, f"ALTER TABLE {{table}} DISABLE {kind} {{name}}", table=table, name=name)
    yield
    for table, kind, name, enabled in switched:
        enable = f"ALTER TABLE {{table}} {ENABLE[enabled]} {kind} {{name}}"
        execute(cursor, enable, table=table, name=name)
