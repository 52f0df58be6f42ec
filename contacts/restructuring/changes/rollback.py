"""The way back: reverse the restructuring."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from contacts.created_companies import going_companies
from contacts.models import RestructuringRun
from contacts.placeholders import going_placeholders, take_placeholders_away
from contacts.restructuring.changes.base import FingerprintedChange
from contacts.restructuring.changes.bridge import remove_bridge
from contacts.restructuring.changes.context import ChangeContext
from contacts.restructuring.changes.planned_migrations import PlannedMigrations, plan_reversal
from contacts.restructuring.changes.run_row import begin_run
from contacts.restructuring.checks.base import Check, Result
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.database.layout import reached_legacy
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.legacy_meaning import (
    Source,
    plain_sources,
    sources_before_rollback,
    without_rows,
)
from contacts.restructuring.state import alembic
from contacts.restructuring.state.legacy_objects import TABLES
from contacts.restructuring.state.record import MigrationRecord, read_record
from contacts.restructuring.switching.finish import put_away
from jmsk.postgres.catalogue import TableObject, read_objects

EXCLUSIVE = ("contacts", "orders", "companies", "addresses")
"""The tables that are locked against readers, too."""


class RollBack(FingerprintedChange):
    """Reverse the migrations. ``record`` is what the run that migrated wrote down.

    ``going`` are the companies that go with it.
    """

    kind = RestructuringRun.Kind.ROLLBACK
    record: MigrationRecord
    going: list[int]
    planned: PlannedMigrations

    def before_lock(self, cursor: Any, journal: Journal) -> None:
        self.planned = plan_reversal(cursor, journal)

    def checks(self, context: ChangeContext) -> Sequence[Check]:
        return CHECKS_BACK

    def sources(self, context: ChangeContext) -> Sequence[Source]:
        self.record = read_record(context.cursor)
        self.going = going_companies(context.cursor, self.record.created)
        return sources_before_rollback(
            context.layout,
            self.going,
            going_placeholders(context.cursor, self.record.placeholders),
            names_customers=self.record.names_customers,
        )

    def make(self, context: ChangeContext) -> RestructuringRun:
        with context.journal.step("migrate", "Reversing the restructuring"):
            run = begin_run(context, self.kind)
            put_away(context.cursor)
            reverse(context, self.record, self.planned)
        return run

    def sources_after(self, context: ChangeContext, run: RestructuringRun) -> Sequence[Source]:
        tenants, companies, *others = plain_sources(reached_legacy(context.connection))
        return [tenants, replace(companies, where=without_rows(self.going)), *others]

    def verify(self, context: ChangeContext) -> Sequence[Result]:
        with context.journal.step("verify", "Comparing the catalogue with what was remembered"):
            _compare_catalogue(context.cursor, self.record)
        return ()


def reverse(context: ChangeContext, record: MigrationRecord, planned: PlannedMigrations) -> None:
    """Reverse the ``planned`` migrations, and put Alembic's record back where it was stamped.

    A bridge goes first: it stands on what is reversed. Then go the placeholders that are as made.
    """
    cursor = context.cursor
    remove_bridge(cursor, context.layout, context.journal)
    going = going_placeholders(cursor, record.placeholders)
    take_placeholders_away(cursor, going, names_customers=record.names_customers)
    planned.reverse(context.journal)
    alembic.put_back(cursor, record.alembic)


def _compare_catalogue(cursor: Any, record: MigrationRecord) -> None:
    """Raise Failure unless the legacy objects are again what they were, drift included.

    A comment or a mark that somebody has given one since is no difference: it stays.
    """
    different = []
    for table in record.legacy_objects.keys() & set(TABLES):
        remembered = record.legacy_objects[table]
        present = {(item.kind, item.name): item for item in read_objects(cursor, table)}
        for item in (TableObject.from_dict(values) for values in remembered["objects"]):
            now = present.get((item.kind, item.name))
            if now is None or not now.is_again(item):
                different.append(f"{table}: {item.name} ({item.definition})")
    if different:
        raise Failure(
            "MC602",
            f"These legacy objects did not come back as they were: {'; '.join(sorted(different))}. "
            f"{ROLLED_BACK} Bring them near to what they were, or restore a backup.",
        )
