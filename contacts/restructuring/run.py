"""The restructuring itself: what is done, in order, in the one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring import alembic
from contacts.restructuring.backup import backed_up
from contacts.restructuring.checks import Result, Scene, failed, run_checks
from contacts.restructuring.checks_after import CHECKS_AFTER
from contacts.restructuring.django_migrate import begin_run, migrate
from contacts.restructuring.fingerprint import (
    Fingerprint,
    legacy_sources,
    mapped_sources,
    plain_source,
    take,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.observation import Space, tables_size, wal_position, wal_since
from contacts.restructuring.proof import prove
from contacts.restructuring.stage import NAMES, Layout, read_layout
from contacts.restructuring.transaction import Ended, Frame, RecoveryPoint, run_in_transaction

EXCLUSIVE = ("customers", "orders", "companies")


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    ``expected`` are the fingerprints of the backup that was taken before (None: there is none),
    ``backup_path`` where it lies; ``back_up`` takes another one inside the transaction.
    """

    frame: Frame
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
class Outcome:
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


def restructure(connection: BaseDatabaseWrapper, plan: Plan, journal: Journal) -> Ended[Outcome]:
    """Restructure the database in one transaction and prove it before COMMIT.

    Raises CommandError, with the database as it was, when a lock cannot be had, the proof fails or
    a check fails.
    """

    def work(cursor: Any, point: RecoveryPoint) -> Outcome:
        return _work(connection, cursor, point, plan, journal)

    return run_in_transaction(connection, plan.frame, journal, work)


def _work(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    journal: Journal,
) -> Outcome:
    wal, size = wal_position(cursor), tables_size(cursor, list(NAMES))
    sources = legacy_sources(plan.layout)
    with journal.step("fingerprint before", "Taking the fingerprint of every row"):
        before = take(cursor, sources)
    backup_path, repeated = back_up_again_if_stale(plan, before, journal)

    def change() -> RestructuringRun:
        return _migrate(connection, cursor, point, plan, journal)

    run, after = prove(
        connection,
        journal,
        before,
        sources,
        change,
        lambda run: mapped_sources(plan.layout, run.created_companies),
    )
    results = verify(connection, cursor, journal)
    outcome = Outcome(
        before,
        after,
        tuple(results),
        _counts(cursor, before, run),
        tuple(run.created_companies),
        backup_path,
        repeated,
        Space(size, tables_size(cursor, list(NAMES)), wal_since(cursor, wal)),
    )
    complete_run(run, plan, outcome, journal)
    return outcome


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
    now = take(cursor, [plain_source(table) for table in backed_up(plan.layout)])
    return back_up_again_if_stale(plan, now, journal)


def _migrate(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    journal: Journal,
) -> RestructuringRun:
    with journal.step("migrate", "Migrating"):
        kind = RestructuringRun.Kind.MIGRATION
        run = begin_run(connection, journal, kind, plan.started, point.transaction_id)
        migrate(connection, journal)
    if plan.alembic_stamp:
        run.alembic = alembic.stamp(cursor, plan.alembic_stamp)
        run.save(update_fields=["alembic"])
    with journal.step("analyze", "Refreshing the planner's statistics"):
        # Deferred foreign keys of other tables are checked now: a rehearsal has no COMMIT.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ANALYZE tenants, companies, contacts, orders, addresses")
    run.refresh_from_db()
    return run


def verify(connection: BaseDatabaseWrapper, cursor: Any, journal: Journal) -> list[Result]:
    """Run the checks after the restructuring. Raises RefusedError if one fails."""
    with journal.step("verify", "Running the checks after the migration"):
        results = run_checks(Scene(connection, cursor, read_layout(connection)), CHECKS_AFTER)
    if failed(results):
        raise RefusedError(results)
    return results


def _counts(cursor: Any, before: dict[str, Fingerprint], run: RestructuringRun) -> dict[str, int]:
    """Return what the migration moved, by name."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE company_id = placed_in_company_id), "
        "count(email_set_aside) FROM contacts"
    )
    placed, set_aside = cursor.fetchone()
    cursor.execute("SELECT count(*) FROM orders WHERE contact_id IS NULL")
    return {
        **{name: fingerprint.rows for name, fingerprint in before.items()},
        "companies_created": len(run.created_companies),
        "contacts_placed": placed,
        "emails_set_aside": set_aside,
        "orders_without_contact": cursor.fetchone()[0],
    }


def complete_run(run: RestructuringRun, plan: Plan, outcome: Outcome, journal: Journal) -> None:
    """Fill in the run's row with what is known at the end, just before COMMIT."""
    run.finished_at = timezone.now()
    run.backup_path = str(outcome.backup_path or "")
    run.counts = outcome.counts
    run.checks = [result.as_dict() for result in (*plan.checks_before, *outcome.results)]
    run.fingerprints = {
        "before": {name: vars(item) for name, item in outcome.before.items()},
        "after": {name: vars(item) for name, item in outcome.after.items()},
    }
    run.durations = {name: round(took, 3) for name, took in journal.seconds.items()}
    run.save()
