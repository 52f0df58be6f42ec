"""Keeping the server from analyzing orders while they are filled.

Filling changes every row, so the server would soon analyze the table. For the second or two that
this takes it reads as of an earlier time, and what an update leaves dead makes no room meanwhile.
Once orders are filled they are analyzed anyway.
"""

from typing import Any

from contacts.restructuring.preparation.state import note, read_state
from contacts.restructuring.preparation.work import Worker
from jmsk.postgres.queries import column

OPTION = "autovacuum_analyze_threshold"
NEVER = 2_147_483_647
OWN_VALUE = f"""
    SELECT o.option_value FROM pg_class c, pg_options_to_table(c.reloptions) o
     WHERE c.oid = %s AND o.option_name = '{OPTION}'
"""
SUSPENDED = "analyze_suspended"


def suspend_analyze(cursor: Any, worker: Worker) -> None:
    """Let the server not analyze orders by itself, unless the table has a setting of its own."""
    if column(cursor, OWN_VALUE, [worker.layout.tables["orders"].oid]):
        return
    cursor.execute(f"ALTER TABLE orders SET ({OPTION} = {NEVER})")
    note(cursor, read_state(cursor).phase, **{SUSPENDED: True})


def resume_analyze(cursor: Any) -> None:
    """Undo :func:`suspend_analyze`, if it was done."""
    state = read_state(cursor)
    if not state.notes.get(SUSPENDED):
        return
    cursor.execute(f"ALTER TABLE orders RESET ({OPTION})")
    note(cursor, state.phase, **{SUSPENDED: False})
