"""How much the bridge is used, as far as PostgreSQL counts it by itself.

Only the view customers uses the bridge's indexes: a look-up by e-mail or company, and a write,
which looks for the e-mail. PostgreSQL counts the scans of an index without a row that writers would
wait for. Of the view orders it counts nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contacts.restructuring.bridge.description import INDEXES

LAST_SCAN_VERSION = 160000
"""From here on PostgreSQL knows when an index was last used."""
SCANS = """
    SELECT coalesce(sum(idx_scan), 0), {last}
      FROM pg_stat_all_indexes WHERE indexrelname = ANY(%s)
"""


@dataclass(frozen=True)
class Usage:
    """How often the bridge's indexes were used, and when last (None: never, or not known)."""

    scans: int
    last: datetime | None


def read_usage(cursor: Any) -> Usage:
    """Return what the server has counted since its statistics were last reset."""
    known = cursor.connection.server_version >= LAST_SCAN_VERSION
    query = SCANS.format(last="max(last_idx_scan)" if known else "NULL::timestamptz")
    cursor.execute(query, [list(INDEXES.values())])
    scans, last = cursor.fetchone()
    return Usage(int(scans), last)
