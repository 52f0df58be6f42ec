"""One run at a time: the advisory lock that each of them takes."""

from typing import Any

from contacts.restructuring.database.locking.blockers import SINCE
from contacts.restructuring.failures import UNCHANGED, Failure
from jmsk.postgres.queries import rows, value

RUN_LOCK = 5_061_712_983_410_114_209
"""The advisory lock that every run takes. A number of ours, the same in every release."""
HOLDER = f"""
    SELECT a.pid, coalesce(a.usename, '?'),
           CASE WHEN a.state IS NULL THEN 'hidden'
                ELSE coalesce(host(a.client_addr), 'local') END,
           CASE WHEN a.state IS NULL THEN 'hidden'
                ELSE coalesce(nullif(a.application_name, ''), 'no name') END,
           coalesce({SINCE}, 'hidden')
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


def refuse_second_run(cursor: Any) -> None:
    """Raise Failure, naming the holder, if another run is at work on this database.

    Takes no lock: for the beginning, where what one wants to look at is what the other has locked.
    """
    if holders := rows(cursor, HOLDER, [RUN_LOCK]):
        raise _second_run(holders)


def take_run_lock(cursor: Any) -> None:
    """Take the advisory lock of runs until the transaction ends. The transaction's first statement.

    Raises Failure, naming the holder, if another run has it.
    """
    # At another level the snapshot is older than the locks: what was written meanwhile is missed.
    cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    if not value(cursor, "SELECT pg_try_advisory_xact_lock(%s)", [RUN_LOCK]):
        raise _second_run(rows(cursor, HOLDER, [RUN_LOCK]))


def _second_run(holders: list[tuple[Any, ...]]) -> Failure:
    who = "a session that has just ended"
    for holder in holders:
        who = "pid {}, user {}, host {}, application {}, since {}".format(*holder)
    return Failure(
        "MC104",
        f"Another run is at work on this database: {who}. {UNCHANGED} Wait until it has ended, "
        "then start again.",
    )
