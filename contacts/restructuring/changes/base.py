"""What every change is given, what it returns, and what it has in common with the others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from contacts.restructuring.backup.writer import backed_up
from contacts.restructuring.checks.base import Result, failed
from contacts.restructuring.database.costs import Space
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.transaction import TransactionOptions
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import Fingerprint, take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    ``expected`` are the fingerprints of the backup that was taken before (None: there is none),
    ``backup_path`` where it lies; ``back_up`` takes another one inside the transaction.
    """

    frame: TransactionOptions
    started: datetime
    expected: dict[str, Fingerprint] | None = None
    backup_path: Path | None = None
    back_up: Callable[[], Path] | None = None
    checks_before: tuple[Result, ...] = ()
    alembic_stamp: str = ""

    @property
    def layout(self) -> Layout:
        return self.frame.layout


@dataclass(frozen=True)
class ChangeResult:
    """What a run did. ``results`` are the checks after it."""

    before: dict[str, Fingerprint]
    after: dict[str, Fingerprint]
    results: tuple[Result, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    created_companies: tuple[int, ...] = ()
    backup_path: Path | None = None
    backup_repeated: bool = False
    space: Space | None = None


class RefusedError(CommandError):
    """Checks failed under the lock, and all was rolled back. ``results`` are their results."""

    def __init__(self, results: list[Result]) -> None:
        names = ", ".join(result.title for result in failed(results))
        super().__init__(
            f"Checks failed under the lock ({names}), so everything was rolled back: the database "
            "is as it was. What they found is listed with their results."
        )
        self.results = results


def back_up_again_if_stale(
    plan: Plan, now: dict[str, Fingerprint], journal: Journal
) -> tuple[Path | None, bool]:
    """Take the backup again, under the lock, if somebody has written since it was taken."""
    if plan.expected is None or plan.back_up is None or plan.expected == now:
        return plan.backup_path, False
    journal.wait("somebody wrote since the backup was taken; it is taken again, under the lock")
    with journal.step("backup under lock", "Taking the backup again, under the lock"):
        return plan.back_up(), True


def back_up_again_if_written(cursor: Any, plan: Plan, journal: Journal) -> tuple[Path | None, bool]:
    """Compare the backup with its tables as they stand now; take it again if they differ."""
    if plan.expected is None:
        return plan.backup_path, False
    now = take_fingerprints(cursor, [plain_source(table) for table in backed_up(plan.layout)])
    return back_up_again_if_stale(plan, now, journal)
