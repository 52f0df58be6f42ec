"""What the server says of the statement that it is working on.

Of an ALTER TABLE that rewrites a table, the indexes it makes again included, and of an UPDATE or a
SELECT, PostgreSQL reports nothing: there only the clock moves.
"""

import logging
from dataclasses import dataclass

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jmsk.wording import counted

logger = logging.getLogger("contacts.restructuring")

UNNAMED = "a table that is being written"
VIEWS = {
    "pg_stat_progress_create_index": (
        0,
        "index of",
        "CASE WHEN tuples_total > 0 THEN 100 * tuples_done / tuples_total"
        " WHEN blocks_total > 0 THEN 100 * blocks_done / blocks_total END",
        "phase",
        "NULL::bigint",
    ),
    "pg_stat_progress_analyze": (
        0,
        "statistics of",
        "CASE WHEN sample_blks_total > 0 THEN 100 * sample_blks_scanned / sample_blks_total END",
        "phase",
        "NULL::bigint",
    ),
    "pg_stat_progress_cluster": (
        0,
        "rewriting",
        "CASE WHEN heap_blks_total > 0 THEN 100 * heap_blks_scanned / heap_blks_total END",
        "phase",
        "NULL::bigint",
    ),
    "pg_stat_progress_copy": (
        140000,
        "copying",
        "CASE WHEN bytes_total > 0 THEN 100 * bytes_processed / bytes_total END",
        "''",
        "tuples_processed",
    ),
}
"""By view: the version that brought it, what is being done to the table, percent, phase, rows."""
PART = """
    SELECT pid, %(what)s AS what, relid, %(percent)s AS percent, %(phase)s AS phase,
           %(rows)s AS rows
      FROM %(view)s
"""
WORK = """
    SELECT what, (SELECT relname::text FROM pg_class WHERE oid = relid), phase, percent, rows
      FROM (%s) AS work
      JOIN pg_stat_activity AS session USING (pid)
     WHERE session.datname = current_database() AND session.usename = current_user
       AND session.backend_type = 'client backend'
     ORDER BY pid LIMIT 1
"""


@dataclass
class ServerWatch:
    """Reads over a connection of its own how far the server is; ``alias`` names the database.

    Each look is one short query that commits by itself: between two looks nothing is open. What
    goes wrong here is logged and ends the watching; it never touches the run.
    """

    alias: str
    connection: BaseDatabaseWrapper | None = None
    broken: bool = False

    def look(self) -> str | None:
        """Return what is being worked on, '' for nothing, None if that cannot be told."""
        if self.broken:
            return None
        try:
            if self.connection is None:
                self.connection = connections.create_connection(self.alias)
            with self.connection.cursor() as cursor:
                cursor.execute(_query(cursor.connection.server_version))
                found = cursor.fetchone()
        except Error as error:
            logger.info("The server's progress cannot be read: %s", type(error).__name__)
            self.broken = True
            return None
        return _told(*found) if found else ""

    def close(self) -> None:
        """Close the connection."""
        if self.connection is None:
            return
        try:
            self.connection.close()
        except Error as error:
            logger.info("The second connection did not close: %s", type(error).__name__)
        self.connection = None


def _query(version: int) -> str:
    parts = [
        PART % {"view": view, "what": f"'{what}'", "percent": percent, "phase": phase, "rows": rows}
        for view, (since, what, percent, phase, rows) in VIEWS.items()
        if version >= since
    ]
    return WORK % " UNION ALL ".join(parts)


def _told(what: str, table: str | None, phase: str, percent: int | None, rows: int | None) -> str:
    """Say it. A table that is being made, or written anew, has no name for others yet."""
    parts = [f"{what} {table or UNNAMED}", phase]
    if rows:
        parts.append(counted(rows, "row"))
    told = ", ".join(part for part in parts if part)
    return f"{told} {percent} %" if percent is not None else told
