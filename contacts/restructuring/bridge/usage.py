"""How much the bridge is used: what PostgreSQL counts by itself.

Each statement that reads, changes or deletes through a view scans an empty materialized view once,
for each place where it names the view; so does each new customer, and each statement that adds
orders in a session that sees the bridge. PostgreSQL counts scans without a row for which anybody
would wait, whatever becomes of the transaction, and shows them about a second later. It forgets
them in a crash, and when somebody resets its statistics.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contacts.restructuring.bridge.description import COUNTERS, Bridge
from jmsk.postgres.queries import rows, value
from jmsk.wording import counted, moment

LAST_SCAN_VERSION = 160000
"""From here on PostgreSQL knows when a relation was last scanned."""
SCANS = """
    SELECT relname, coalesce(seq_scan, 0), {last}
      FROM pg_stat_all_tables WHERE schemaname = %s AND relname = ANY(%s)
"""
RESET = "SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Usage:
    """The calls through each view, and when the last one came (None: none, or not known).

    ``reset`` is when the statistics were last reset, after the bridge was made; None: they count
    all calls.
    """

    calls: dict[str, int]
    last: datetime | None
    reset: datetime | None

    def __str__(self) -> str:
        told = " and ".join(f"{counted(n, 'call')} of {view}" for view, n in self.calls.items())
        last = f", the last on {moment(self.last)}" if self.last else ""
        since = f" since the statistics were reset on {self.reset:%Y-%m-%d}" if self.reset else ""
        return f"{told}{since}{last} (scans that PostgreSQL's statistics count)"


def read_usage(cursor: Any, bridge: Bridge) -> Usage:
    """Return what the server has counted."""
    known = cursor.connection.server_version >= LAST_SCAN_VERSION
    query = SCANS.format(last="last_seq_scan AT TIME ZONE 'UTC'" if known else "NULL::timestamp")
    scans = rows(cursor, query, [bridge.schema, list(COUNTERS.values())])
    found = {name: (calls, last) for name, calls, last in scans}
    calls = {view: found.get(name, (0, None))[0] for view, name in COUNTERS.items()}
    last = max((when for _, when in found.values() if when), default=None)
    reset = value(cursor, RESET)
    if reset is not None and bridge.made is not None and reset < bridge.made:
        reset = None
    return Usage(calls, last, reset)


def told(cursor: Any, bridge: Bridge) -> str:
    """Say where the bridge stands, since when, and how much it is used."""
    since = f" since {moment(bridge.made)}" if bridge.made else ""
    return f"stands in schema {bridge.schema}{since}: {read_usage(cursor, bridge)}"
