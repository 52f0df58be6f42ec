"""The restructuring itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from contacts.meaning import STILL_PLACED
from contacts.models import RestructuringRun
from contacts.placeholders import PLACEHOLDERS, give_placeholders, placeholders_in
from contacts.restructuring.changes.base import FingerprintedChange, require_passed
from contacts.restructuring.changes.bridge import build_bridge
from contacts.restructuring.changes.context import ChangeContext, Fingerprints
from contacts.restructuring.changes.enforce import leave_rules_pending
from contacts.restructuring.changes.planned_migrations import PlannedMigrations, plan_migrations
from contacts.restructuring.changes.run_row import begin_run
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Result, run_checks
from contacts.restructuring.database.settings import temporarily
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.legacy_meaning import (
    Source,
    plain_sources,
    sources_after_migration,
)
from contacts.restructuring.state import alembic
from contacts.restructuring.state.record import RULES_DEFERRED
from jmsk.postgres.queries import row

MOVED = f"""
    SELECT count(*) FILTER (WHERE {STILL_PLACED}), count(email_set_aside),
           (SELECT count(*) FROM orders WHERE contact_id IS NULL)
      FROM contacts
"""
SMALL_SAMPLE = {"default_statistics_target": "10"}
"""Enough for the checks before COMMIT; a tenth of the usual one, which follows after it."""
EXCLUSIVE = ("customers", "orders", "companies")
"""The tables that are locked against readers, too."""


class Restructure(FingerprintedChange):
    """Turn customers into contacts: Django's migrations, run on the legacy tables."""

    kind = RestructuringRun.Kind.MIGRATION
    planned: PlannedMigrations

    def before_lock(self, cursor: Any, journal: Journal) -> None:
        self.planned = plan_migrations(cursor, journal)

    def sources(self, context: ChangeContext) -> Sequence[Source]:
        return plain_sources(context.layout)

    def make(self, context: ChangeContext) -> RestructuringRun:
        cursor, journal = context.cursor, context.journal
        with journal.step("migrate", "Migrating"):
            run = begin_run(context, self.kind)
            self.planned.apply(journal)
        run.refresh_from_db()
        if context.plan.placeholder_contacts:
            with journal.step("placeholders", "Giving orders without a contact one"):
                run.legacy_objects[PLACEHOLDERS] = give_placeholders(cursor)
        if context.plan.alembic_stamp:
            run.alembic = alembic.stamp(cursor, context.plan.alembic_stamp)
        if context.plan.bridge:
            build_bridge(context.connection, cursor, context.plan.bridge, journal)
        with journal.step("analyze", "Taking a small sample for the planner"):
            # Deferred foreign keys of other tables are checked now: a rehearsal has no COMMIT.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with temporarily(cursor, SMALL_SAMPLE):
                cursor.execute("ANALYZE tenants, companies, contacts, orders, addresses")
        if context.plan.defer_rules:
            leave_rules_pending(cursor)
            run.legacy_objects[RULES_DEFERRED] = True
        run.save(update_fields=["alembic", "legacy_objects"])
        return run

    def sources_after(self, context: ChangeContext, run: RestructuringRun) -> Sequence[Source]:
        placeholders = placeholders_in(run.legacy_objects)
        return sources_after_migration(context.layout, run.created_companies, placeholders)

    def verify(self, context: ChangeContext) -> Sequence[Result]:
        with context.journal.step("verify", "Running the checks after the migration"):
            results = run_checks(context.inspector_now, CHECKS_AFTER)
        require_passed(results)
        return results

    def counts(
        self, context: ChangeContext, run: RestructuringRun, after: Fingerprints
    ) -> Mapping[str, int]:
        placeholders = len(placeholders_in(run.legacy_objects))
        placed, set_aside, loose = row(context.cursor, MOVED)
        return {
            **super().counts(context, run, after),
            "companies_created": len(run.created_companies),
            **({"placeholder_contacts": placeholders} if placeholders else {}),
            "contacts_placed": placed,
            "emails_set_aside": set_aside,
            "orders_without_contact": loose,
        }
