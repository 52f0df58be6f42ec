"""Waiting for transactions that read as of an earlier time."""

import time
from typing import Any

from contacts.restructuring.database.locking.blockers import LOOK_ANEW, SESSION, describe_session
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.journal import Journal
from jmsk.postgres.queries import rows

OLD_SNAPSHOTS = f"""
    {SESSION}
     WHERE a.pid <> pg_backend_pid() AND a.datname = current_database()
       AND a.usesysid IS NOT NULL AND coalesce(a.backend_type, 'client backend') = 'client backend'
       AND a.backend_xmin IS NOT NULL
       AND (NOT pg_backend_pid() = ANY(pg_blocking_pids(a.pid)) OR a.pid = ANY(%s)) ORDER BY a.pid
"""
"""A role without pg_monitor sees no backend_type of others; what has no user is no client."""
QUEUED = f"""
    {SESSION}
     WHERE pg_backend_pid() = ANY(pg_blocking_pids(a.pid))
       AND a.backend_xmin IS NOT NULL AND a.xact_start IS DISTINCT FROM a.query_start
     ORDER BY a.pid
"""


class SnapshotsLeftError(Exception):
    """Rolls the locks back while somebody could still read the tables as of an earlier time."""


def wait_for_snapshots(cursor: Any, seconds: float) -> list[str]:
    """Wait until the snapshots that others hold now are gone; return whose are not in time.

    The restructuring rewrites ``orders``. A transaction whose snapshot is older would read the
    rewritten table as empty, without an error. Sessions that wait for our lock take a new one,
    unless they were seen before they began to wait.
    """
    deadline = time.monotonic() + seconds
    held = _old_snapshots(cursor, {})
    while held and time.monotonic() < deadline:
        time.sleep(0.05)
        held = _old_snapshots(cursor, held)
    return [describe_session(row) + " (reads as of an earlier time)" for row in held.values()]


def _old_snapshots(cursor: Any, before: dict[Any, tuple[Any, ...]]) -> dict[Any, tuple[Any, ...]]:
    """Return who reads as of an earlier time; of those in ``before``, if there are any."""
    cursor.execute(LOOK_ANEW)
    old = rows(cursor, OLD_SNAPSHOTS, [[pid for pid, _ in before]])
    found = {(row[0], row[4]): row for row in old}
    return {key: row for key, row in found.items() if key in before or not before}


def wait_for_older_snapshots(cursor: Any, patience: Patience, journal: Journal) -> tuple[str, ...]:
    """Before COMMIT, wait for the snapshots that were taken meanwhile: they are older than it.

    Returns what the operator should know about sessions that wait for the tables: whether they
    have a snapshot already, nobody can see. Raises Failure after the last try.
    """
    for attempt in range(1, patience.tries + 1):
        left = wait_for_snapshots(cursor, patience.seconds)
        if not left:
            break
        if attempt == patience.tries:
            raise Failure(
                "MC502",
                f"After {patience.tries} times {patience.seconds:g} s there are still sessions "
                f"that would find the rewritten tables empty: {'; '.join(left)}. {ROLLED_BACK} End "
                "these sessions, or wait for them, and run again.",
            )
        others = "; ".join(left)
        journal.wait(f"try {attempt} of {patience.tries}: before COMMIT, waiting for {others}")
    return tuple(
        f"Waited for the tables inside a transaction: {describe_session(row)}. If that is one of "
        "REPEATABLE READ or stricter, as pg_dump's are, it finds orders empty: let it begin anew."
        for row in rows(cursor, QUEUED)
    )
