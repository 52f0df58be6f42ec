"""What both roads would take on this database, estimated from its rows and its server's speed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.preparation.installing.obstacles import obstacles
from contacts.restructuring.preparation.pace import Pace
from contacts.restructuring.state.statistics import Statistics

PROBE = """
    SELECT sum(hash_record_extended(ROW(number, number::text, md5(number::text)), 0))
      FROM generate_series(1, 100000) AS number
"""
PROBE_SECONDS = 0.035
"""What the probe takes on the machine on which these were measured, seconds and seconds a row."""
OFFLINE, OFFLINE_ROW = 0.25, 5.6e-6
PREPARED, PREPARED_ROW, FILLED_ORDER = 1.0, 7e-6, 16e-6
SWITCHED, SCANNED_CUSTOMER, PLACED_CUSTOMER = 0.15, 0.07e-6, 23e-6


@dataclass(frozen=True)
class Forecast:
    """Seconds: how long readers and writers wait on each road, and how long a preparation takes.

    ``placing`` is what customers without a company add to the switch, unless they are placed early.
    ``obstacles`` say why this database cannot be prepared, if it cannot.
    """

    offline_locked: float
    online_prepared: float
    online_locked: float
    placing: float
    obstacles: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, for JSON."""
        return {
            "offline": {"locked": round(self.offline_locked, 1)},
            "online": {
                "prepared": round(self.online_prepared, 1),
                "locked": round(self.online_locked + self.placing, 2),
                "locked_placed_early": round(self.online_locked, 2),
                "obstacles": list(self.obstacles),
            },
        }


def forecast(inspector: Inspector, statistics: Statistics, pace: Pace) -> Forecast:
    """Estimate what both roads take at ``pace``. The server's present load counts as well."""
    began = time.monotonic()
    inspector.cursor.execute(PROBE)
    slower = (time.monotonic() - began) / PROBE_SECONDS
    orphans = sum(placement.customers for placement in statistics.placements)
    told = tuple(obstacles(inspector.cursor, inspector.layout))
    return replace(estimate(statistics.rows, orphans, slower, pace), obstacles=told)


def estimate(rows: Mapping[str, int], orphans: int, slower: float, pace: Pace) -> Forecast:
    """Estimate from the ``rows`` of each table, on a server so many times ``slower`` than usual."""
    orders, customers = rows["orders"], rows["customers"]
    moved = orders + customers
    filled = FILLED_ORDER * orders / (pace.duty * pace.sessions)
    return Forecast(
        slower * (OFFLINE + OFFLINE_ROW * moved),
        slower * (PREPARED + PREPARED_ROW * moved + filled),
        slower * (SWITCHED + SCANNED_CUSTOMER * customers),
        slower * PLACED_CUSTOMER * orphans,
    )
