"""How much of the server the preparation takes, and when it pauses for the application's sake."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contacts.restructuring.database.locking.blockers import LOOK_ANEW, SESSION, describe_session
from contacts.restructuring.failures import Failure
from jmsk.postgres.queries import rows, value
from jmsk.wording import inflected

OLD_SNAPSHOTS = f"""
    {SESSION}
     WHERE a.pid <> pg_backend_pid() AND a.datname = current_database()
       AND a.backend_xmin IS NOT NULL
       AND (a.xact_start < clock_timestamp() - interval '10 s'
            AND coalesce(a.backend_type, 'client backend') IN ('client backend', 'walsender')
            OR a.pid IN (SELECT pid FROM pg_stat_progress_analyze)
               AND a.backend_type IS DISTINCT FROM 'client backend')
     ORDER BY a.xact_start LIMIT 3
"""
"""Who reads as of an earlier time. While somebody does, what an update leaves dead cannot be
cleared away, and the table would grow by every row that is filled. The server's own ANALYZE, which
filling sets off, does so for a second or two: not to wait for it takes longer."""
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
       AND coalesce(backend_type, 'client backend') = 'client backend'
"""
LAG = """
    SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint
      FROM pg_stat_replication
"""
LOOK_EVERY = 0.2
"""Seconds between two looks at how the application fares."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Pace:
    """How fast rows are filled.

    ``duty`` is the share of the time at work, ``batch_seconds`` how long a transaction may take,
    ``helpers`` how many processors beside its own a statement may use,
    ``sessions`` how many sessions work side by side,
    ``max_waiting`` how many sessions may wait for locks, ``max_replica_lag`` how many megabytes a
    replica may be behind (None: any), ``max_pause`` after how many seconds of pausing to give up.
    """

    name: str
    duty: float
    batch_seconds: float
    helpers: int = 0
    sessions: int = 1
    max_waiting: int = 8
    max_replica_lag: float | None = None
    max_pause: float = 600.0

    def rest(self, took: float) -> float:
        """Return for how many seconds to rest after a batch that took ``took`` seconds."""
        return took * (1 - self.duty) / self.duty


SHORT = 0.004
"""A request that comes while a batch is at work may have to wait until the processor lets go of it.
With 4 writers on 2 processors the slowest of a hundred requests waited 6 ms more with batches of 60
ms, 5 with 10, 4 with 6 and 3 with 4. Shorter ones take long: to begin and end one takes as much."""
GENTLE = Pace("gentle", 0.25, SHORT)
NORMAL = Pace("normal", 0.5, SHORT)
FAST = Pace("fast", 1.0, 0.05, helpers=2, sessions=2)
PACES = {pace.name: pace for pace in (GENTLE, NORMAL, FAST)}


def old_snapshots(cursor: Any) -> list[str]:
    """Describe the sessions that read as of an earlier time."""
    cursor.execute(LOOK_ANEW)
    return [describe_session(session) for session in rows(cursor, OLD_SNAPSHOTS)]


def reason_to_pause(cursor: Any, pace: Pace) -> str:
    """Say why the application would suffer from more of this just now; '' if it would not."""
    if old := old_snapshots(cursor):
        told = "; ".join(old)
        return f"somebody reads as of an earlier time, which would let the table grow: {told}"
    waiting = value(cursor, WAITING)
    if waiting > pace.max_waiting:
        return inflected(waiting, "session waits for a lock", "sessions wait for locks")
    if pace.max_replica_lag is None:
        return ""
    lag = value(cursor, LAG) / MEGABYTE
    if lag > pace.max_replica_lag:
        return f"a replica is {lag:,.0f} MB behind"
    return ""


@dataclass
class Throttle:
    """Rests between batches, looks how the application fares, and pauses while it suffers."""

    pace: Pace
    look: Callable[[], str]
    wait: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    looked: float = 0.0

    def after(self, took: float) -> None:
        """Rest after a batch that took ``took`` seconds.

        Raises Failure when the reason to pause does not go away.
        """
        self.sleep(self.pace.rest(took))
        if time.monotonic() - self.looked < LOOK_EVERY:
            return
        paused, told = time.monotonic(), ""
        while reason := self.look():
            if reason != told:
                self.wait(f"pausing: {reason}")
                told = reason
            if time.monotonic() - paused > self.pace.max_pause:
                raise Failure(
                    "MC903",
                    f"The preparation paused for {self.pace.max_pause:g} s and stops here: "
                    f"{reason}. What was prepared stays, and the application goes on. Run the same "
                    "command again when that has ended: it goes on from here.",
                )
            self.sleep(LOOK_EVERY)
        self.looked = time.monotonic()
