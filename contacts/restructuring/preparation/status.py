"""How far a preparation is, and what it costs: for people who have it lying there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contacts.restructuring.database.layout import Layout
from contacts.restructuring.preparation.installing.fences import broken_fences
from contacts.restructuring.preparation.state import Phase, State, read_state
from jmsk.postgres import prepared
from jmsk.postgres.queries import row
from jmsk.wording import mebibytes

COSTS = f"""
    SELECT count(*), pg_total_relation_size('{prepared.JOURNAL}'), clock_timestamp()
      FROM {prepared.JOURNAL}
"""
OLD_SECONDS = 86_400
LARGE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Status:
    """``changes`` were journalled since the last check, ``journal_bytes`` is what they take.

    ``broken`` tells what made the journal unfit to be counted on; ``now`` is the server's time.
    """

    state: State
    changes: int
    journal_bytes: int
    now: datetime
    broken: tuple[str, ...]

    @property
    def verified(self) -> datetime | None:
        """When every row was last read and compared; None if that is still to come."""
        told = self.state.notes.get("verified")
        return datetime.fromisoformat(told) if told and self.ready else None

    @property
    def ready(self) -> bool:
        """Whether the next full run may switch."""
        return self.state.phase is Phase.VERIFIED

    @property
    def filled(self) -> float:
        """Which share of the orders has its company, from 0 to 1."""
        notes = self.state.notes
        if self.state.phase is Phase.BACKFILL:
            return float(notes["page"] / max(1, notes["pages"]))
        before = (Phase.INSTALL, Phase.BASE, Phase.RESERVE)
        return 0.0 if self.state.phase in before else 1.0

    def warnings(self) -> list[str]:
        """Return what should be done about a preparation that is left lying, one sentence each."""
        told = [f"{reason}: --prepare begins the journal anew" for reason in self.broken]
        since = self.verified or self.state.touched
        if (self.now - since).total_seconds() > OLD_SECONDS:
            told.append(
                "for more than a day nothing was verified: --prepare, from cron for example, reads "
                "every row and empties the journal; --abandon takes the preparation away"
            )
        if self.journal_bytes > LARGE_BYTES:
            told.append(f"the journal takes {mebibytes(self.journal_bytes)}: --prepare folds it")
        return told


def read_status(cursor: Any, layout: Layout) -> Status:
    """Return how far the preparation is. There has to be one."""
    state = read_state(cursor)
    changes, size, now = row(cursor, COSTS)
    known = state.phase not in (Phase.INSTALL, Phase.ABANDON) and "seals" in state.notes
    broken = broken_fences(cursor, layout, state) if known else []
    return Status(state, changes, size, now, tuple(broken))
