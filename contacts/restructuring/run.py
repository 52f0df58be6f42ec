"""The run: locks, fingerprint, migrate, proof and checks in one transaction."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring.checks import Result, Scene, failed, run_checks
from contacts.restructuring.checks_after import CHECKS_AFTER
from contacts.restructuring.fingerprint import (
    Fingerprint,
    legacy_sources,
    mapped_sources,
    pin_settings,
    take,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.locks import Patience, apply_settings, claim, lock_tables
from contacts.restructuring.session import use_schema
from contacts.restructuring.stage import Layout, read_layout

RUNS_MIGRATION = ("contacts", "0002_restructuringrun")


@dataclass(frozen=True)
class RecoveryPoint:
    """Where to recover to, should everything else fail: the moment before the first change."""

    time: str
    wal_position: str
    transaction_id: int


@dataclass(frozen=True)
class Plan:
    """What a run is to do. ``backup`` writes a backup inside the transaction and returns its path.

    ``expected`` are the fingerprints of the backup that was taken before; None: there is none.
    """

    layout: Layout
    patience: Patience = field(default_factory=Patience)
    expected: dict[str, Fingerprint] | None = None
    backup_path: Path | None = None
    backup: Callable[[], Path] | None = None
    checks_before: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    recovery_point: RecoveryPoint
    settings: dict[str, str]
    before: dict[str, Fingerprint]
    after: dict[str, Fingerprint]
    results: list[Result]
    counts: dict[str, int]
    created_companies: list[int]
    backup_path: Path | None
    backup_repeated: bool
    notes: tuple[str, ...] = ()


class Refused(CommandError):
    """The run was rolled back. ``results`` are the checks that failed, if it was they."""

    def __init__(self, message: str, results: tuple[Result, ...] = ()) -> None:
        super().__init__(message)
        self.results = results


def restructure(connection: BaseDatabaseWrapper, plan: Plan, journal: Journal) -> Outcome:
    """Restructure the database in one transaction and prove it before COMMIT.

    Raises CommandError, with the database as it was, when a lock cannot be had, the proof fails or
    a check fails. If the answer to COMMIT is lost, the server is asked before anything is said.
    """
    outcome: Outcome | None = None
    try:
        with transaction.atomic(using=connection.alias):
            outcome = _run(connection, plan, journal)
    except (OperationalError, InterfaceError) as error:
        if outcome is None or not committed(connection, outcome.recovery_point.transaction_id):
            raise CommandError(
                f"The connection was lost ({' '.join(str(error).split())}) and the transaction was "
                "rolled back: the database is as it was. Find out why in the server's log, then "
                "run again."
            ) from error
        note = "The answer to COMMIT was lost; the server says that it was committed."
        return replace(outcome, notes=(*outcome.notes, note))
    return outcome


def committed(connection: BaseDatabaseWrapper, transaction_id: int) -> bool:
    """Ask, over a new connection, whether the transaction was committed."""
    fresh = connections.create_connection(connection.alias)
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT pg_xact_status(%s::text::xid8)", [str(transaction_id)])
            return bool(cursor.fetchone()[0] == "committed")
    finally:
        fresh.close()


def _run(connection: BaseDatabaseWrapper, plan: Plan, journal: Journal) -> Outcome:
    started = timezone.now()
    with connection.cursor() as cursor:
        claim(cursor)
        settings = apply_settings(cursor, plan.patience)
        use_schema(cursor, plan.layout.schema)
        pin_settings(cursor)
        with journal.step("locks", "Locking the tables"):
            tables = plan.layout.tables
            exclusive = [tables[name] for name in ("customers", "orders", "companies")]
            lock_tables(connection, exclusive, [tables["tenants"]], plan.patience, journal)
        if read_layout(connection) != plan.layout:
            raise CommandError(
                "The tables were changed between the checks and the lock. Nothing was changed by "
                "this run. Run it again, so that they are checked as they are now."
            )
        with journal.step("fingerprint before", "Taking the fingerprint of every row"):
            before = take(cursor, legacy_sources(plan.layout))
        backup_path, repeated = _backup_again_if_stale(plan, before, journal)
        point = recovery_point(cursor)
        run = _migrate(connection, started, backup_path, point, journal)
        with journal.step("analyze", "Refreshing the planner's statistics"):
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ANALYZE tenants, companies, contacts, orders, addresses")
        with journal.step("fingerprint after", "Proving that every row is there"):
            after = take(cursor, mapped_sources(plan.layout, run.created_companies))
        _compare(before, after)
        with journal.step("verify", "Running the checks after the migration"):
            scene = Scene(connection, cursor, read_layout(connection))
            results = run_checks(scene, CHECKS_AFTER)
        if failed(results):
            names = ", ".join(result.title for result in failed(results))
            raise Refused(
                f"Checks failed after the migration ({names}), so it was rolled back: the database "
                "is as it was.",
                tuple(results),
            )
        counts = count(cursor, before, run.created_companies)
        _complete(run, plan, results, before, after, counts, journal)
        return Outcome(
            point,
            settings,
            before,
            after,
            results,
            counts,
            run.created_companies,
            backup_path,
            repeated,
        )


def recovery_point(cursor: Any) -> RecoveryPoint:
    """Note where the server stands. The transaction gets its id here, if it has none yet."""
    cursor.execute(
        "SELECT clock_timestamp(), pg_current_wal_lsn()::text, pg_current_xact_id()::text::bigint"
    )
    moment, position, transaction_id = cursor.fetchone()
    return RecoveryPoint(
        f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC", position, transaction_id
    )


def _backup_again_if_stale(
    plan: Plan, before: dict[str, Fingerprint], journal: Journal
) -> tuple[Path | None, bool]:
    """Take the backup again, under the lock, if somebody has written since it was taken."""
    if plan.expected is None or plan.backup is None or plan.expected == before:
        return plan.backup_path, False
    journal.wait("somebody wrote since the backup was taken; it is taken again, under the lock")
    with journal.step("backup under lock", "Taking the backup again, under the lock"):
        return plan.backup(), True


class _Migrate(MigrateCommand):
    """Django's ``migrate``, telling a journal about each migration instead of printing."""

    journal: Journal

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        if action == "apply_start":
            self._step = self.journal.step(f"migrate {migration}", f"Applying {migration}")
            self._step.__enter__()
        elif action == "apply_success":
            self._step.__exit__(None, None, None)


def _migrate(
    connection: BaseDatabaseWrapper,
    started: datetime,
    backup_path: Path | None,
    point: RecoveryPoint,
    journal: Journal,
) -> RestructuringRun:
    """Migrate, the run's own row first: by it the migrations know where they are run."""
    with journal.step("migrate", "Migrating"):
        migrate(connection, journal, *RUNS_MIGRATION)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            database_user = cursor.fetchone()[0]
        run = RestructuringRun.objects.using(connection.alias).create(
            kind=RestructuringRun.Kind.MIGRATION,
            transaction_id=point.transaction_id,
            started_at=started,
            operating_system_user=operating_system_user(),
            database_user=database_user,
            backup_path=str(backup_path or ""),
        )
        migrate(connection, journal)
    run.refresh_from_db()
    return run


def migrate(connection: BaseDatabaseWrapper, journal: Journal, *target: str) -> None:
    """Run Django's ``migrate`` to ``target`` inside the open transaction."""
    command = _Migrate()
    command.journal = journal
    call_command(
        command,
        *target,
        database=connection.alias,
        fake_initial=True,
        interactive=False,
        skip_checks=True,
        verbosity=0,
    )


def operating_system_user() -> str:
    """Return the name of who runs this, or 'unknown' where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _compare(before: dict[str, Fingerprint], after: dict[str, Fingerprint]) -> None:
    unequal = [name for name in before if before[name] != after[name]]
    if not unequal:
        return
    told = "; ".join(f"{name}: {before[name]} before, {after[name]} after" for name in unequal)
    raise CommandError(
        f"The proof failed: the rows are not what they were ({told}). The migration was rolled "
        "back: the database is as it was."
    )


def count(
    cursor: Any, before: dict[str, Fingerprint], created_companies: list[int]
) -> dict[str, int]:
    """Return what the migration moved, by name."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE company_id = placed_in_company_id), "
        "count(email_set_aside) FROM contacts"
    )
    placed, set_aside = cursor.fetchone()
    cursor.execute("SELECT count(*) FROM orders WHERE contact_id IS NULL")
    return {
        **{name: fingerprint.rows for name, fingerprint in before.items()},
        "companies_created": len(created_companies),
        "contacts_placed": placed,
        "emails_set_aside": set_aside,
        "orders_without_contact": cursor.fetchone()[0],
    }


def _complete(
    run: RestructuringRun,
    plan: Plan,
    results: list[Result],
    before: dict[str, Fingerprint],
    after: dict[str, Fingerprint],
    counts: dict[str, int],
    journal: Journal,
) -> None:
    run.finished_at = timezone.now()
    run.counts = counts
    run.checks = [result.as_dict() for result in (*plan.checks_before, *results)]
    run.fingerprints = {
        "before": {name: vars(item) for name, item in before.items()},
        "after": {name: vars(item) for name, item in after.items()},
    }
    run.durations = {name: round(took, 3) for name, took in journal.seconds.items()}
    run.save()
