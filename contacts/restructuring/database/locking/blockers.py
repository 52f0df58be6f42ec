"""Who is in the way: the sessions and prepared transactions whose locks keep ours from us."""

from collections.abc import Iterable
from typing import Any

from contacts.restructuring.database.tables import Table
from jmsk.postgres.queries import column, rows

SINCE = "to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"')"
SESSION = f"""
    SELECT a.pid, coalesce(a.usename, '?'),
           coalesce(nullif(a.application_name, ''), nullif(a.backend_type, 'client backend'),
                    'no name'),
           coalesce(a.state, 'hidden'), coalesce({SINCE}, '?'),
           CASE WHEN a.state IS NULL OR a.query = '<insufficient privilege>'
                THEN 'its query is hidden: ask for pg_monitor'
                ELSE 'query: ' || left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120) END
      FROM pg_stat_activity a
"""
MODES = ("ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS SHARE")
HEIRS = """
    WITH RECURSIVE locked (oid) AS (
        SELECT unnest(%s::oid[])
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN locked ON locked.oid = i.inhparent)
    SELECT oid::bigint FROM locked
"""
"""To lock a table is to lock what inherits from it, too."""
CONFLICTING = """
    l.locktype = 'relation'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.granted AND l.relation = ANY(%(ACCESS EXCLUSIVE)s::oid[])
      OR l.granted AND l.relation = ANY(%(SHARE ROW EXCLUSIVE)s::oid[])
         AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
      OR l.relation = ANY(%(ACCESS SHARE)s::oid[]) AND l.mode = 'AccessExclusiveLock')
"""
"""Locks that keep ours from being granted; a reader waits behind one that only waits, too.

A copy of a database by CREATE DATABASE has tables of the same oids."""
BLOCKERS = f"""
    {SESSION}
     WHERE a.pid <> pg_backend_pid() AND a.pid IN (SELECT l.pid FROM pg_locks l WHERE {CONFLICTING})
     ORDER BY a.pid
"""
PREPARED = f"""
    SELECT DISTINCT p.gid, p.owner, p.prepared
      FROM pg_prepared_xacts p
      JOIN pg_locks own ON own.pid IS NULL AND own.transactionid = p.transaction
      JOIN pg_locks l ON l.pid IS NULL AND l.virtualtransaction = own.virtualtransaction
     WHERE {CONFLICTING} ORDER BY p.prepared
"""
"""A prepared transaction keeps the number that its session gave it, until the server restarts."""
LOOK_ANEW = "SELECT pg_stat_clear_snapshot()"
"""Within a transaction, pg_stat_activity goes on showing what it showed first."""


def blocking_sessions(cursor: Any, tables: Iterable[tuple[Table, str]]) -> list[str]:
    """Say who holds locks that conflict with the modes in which ``tables`` are to be locked."""
    wanted: dict[str, list[int]] = {name: [] for name in MODES}
    for table, mode in tables:
        wanted[mode].append(table.oid)
    for mode, named in wanted.items():
        wanted[mode] = column(cursor, HEIRS, [named])
    cursor.execute(LOOK_ANEW)
    template = "prepared transaction {!r} of {}, since {:%Y-%m-%d %H:%M:%S} UTC, without a session"
    return [describe_session(row) for row in rows(cursor, BLOCKERS, wanted)] + [
        template.format(*row) for row in rows(cursor, PREPARED, wanted)
    ]


def describe_session(row: tuple[Any, ...]) -> str:
    """Return a row of :data:`SESSION` as a part of a sentence."""
    return "pid {}, user {}, application {}, {}, since {}, {}".format(*row)
