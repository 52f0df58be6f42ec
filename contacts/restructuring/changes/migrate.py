"""The restructuring itself: what is done, in order, in the one transaction."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.meaning import STILL_PLACED
from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import (
    ChangeResult,
    Plan,
    RefusedError,
    back_up_again_if_stale,
)
from contacts.restructuring.changes.django_migrate import migrate
from contacts.restructuring.changes.run_row import begin_run, complete_run
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Result, failed, run_checks
from contacts.restructuring.database.costs import Space, tables_size, wal_position, wal_since
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import NAMES, read_layout
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import Fingerprint, take_fingerprints
from contacts.restructuring.proof.legacy_meaning import legacy_sources, sources_after_migration
from contacts.restructuring.proof.prove import prove
from contacts.restructuring.state import alembic

EXCLUSIVE = ("customers", "orders", "companies")


def restructure(
    connection: BaseDatabaseWrapper, plan: Plan, journal: Journal
) -> TransactionResult[ChangeResult]:
    """Restructure the database in one transaction and prove it before COMMIT.

    Raises CommandError, with the database as it was, when a lock cannot be had, the proof fails or
    a check fails.
    """

    def work(cursor: Any, point: RecoveryPoint) -> ChangeResult:
        return _work(connection, cursor, point, plan, journal)

    return run_in_transaction(connection, plan.frame, journal, work)


def _work(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    journal: Journal,
) -> ChangeResult:
    wal, size = wal_position(cursor), tables_size(cursor, list(NAMES))
    sources = legacy_sources(plan.layout)
    with journal.step("fingerprint before", "Taking the fingerprint of every row"):
        before = take_fingerprints(cursor, sources)
    backup_path, repeated = back_up_again_if_stale(plan, before, journal)

    def change() -> RestructuringRun:
        return _migrate(connection, cursor, point, plan, journal)

    run, after = prove(
        connection,
        journal,
        before,
        sources,
        change,
        lambda run: sources_after_migration(plan.layout, run.created_companies),
    )
    results = verify(connection, cursor, journal)
    outcome = ChangeResult(
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
        results = run_checks(Inspector(connection, cursor, read_layout(connection)), CHECKS_AFTER)
    if failed(results):
        raise RefusedError(results)
    return results


def _counts(cursor: Any, before: dict[str, Fingerprint], run: RestructuringRun) -> dict[str, int]:
    """Return what the migration moved, by name."""
    cursor.execute(
        f"SELECT count(*) FILTER (WHERE {STILL_PLACED}), count(email_set_aside) FROM contacts"
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
