"""Taking the wreck of the former Alembic migration back to the legacy schema.

That migration committed in pieces: when it died, `customers` was `contacts` already and the rows
without a company had been placed, while `orders` still had its `customer_id`. What it had added is
known, so it can be taken away again; a default company that it made is told from one that people
made by what stands in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import FingerprintedChange
from contacts.restructuring.changes.context import ChangeContext, Fingerprints
from contacts.restructuring.changes.run_row import begin_run
from contacts.restructuring.checks.base import Check
from contacts.restructuring.checks.before_recovery import CHECKS
from contacts.restructuring.database.layout import reached_legacy
from contacts.restructuring.proof.legacy_meaning import Source, plain_sources, sources_of_wreck
from contacts.restructuring.state.expected import legacy_models
from contacts.restructuring.state.wreck import Wreck, examine
from jmsk.postgres.catalogue import TableObject, model_objects
from jmsk.postgres.reconcile import reconcile
from jmsk.postgres.user_triggers import without_user_triggers

EXCLUSIVE = ("contacts", "orders", "companies", "addresses")
"""The tables that are locked against readers, too."""
UNDO = (
    "ALTER TABLE orders DROP COLUMN company_id",
    "ALTER TABLE companies DROP COLUMN fax, DROP COLUMN default_address_id",
    "DROP TABLE addresses",
    "ALTER TABLE contacts DROP CONSTRAINT IF EXISTS uq_contact_email_per_company",
    "ALTER TABLE contacts RENAME TO customers",
    "ALTER TABLE customers ALTER COLUMN company_id DROP NOT NULL",
)


class Recover(FingerprintedChange):
    """Take away what the former migration had added, rows included."""

    kind = RestructuringRun.Kind.RECOVERY
    wreck: Wreck

    def checks(self, context: ChangeContext) -> Sequence[Check]:
        return CHECKS

    def sources(self, context: ChangeContext) -> Sequence[Source]:
        self.wreck = examine(context.cursor)
        return sources_of_wreck(context.layout, self.wreck.companies)

    def make(self, context: ChangeContext) -> RestructuringRun:
        with context.journal.step("recover", "Taking the tables back to the legacy schema"):
            undo(context.cursor, self.wreck)
        return begin_run(context, self.kind)

    def sources_after(self, context: ChangeContext, run: RestructuringRun) -> Sequence[Source]:
        return plain_sources(reached_legacy(context.connection))

    def counts(
        self, context: ChangeContext, run: RestructuringRun, after: Fingerprints
    ) -> Mapping[str, int]:
        return {
            **super().counts(context, run, after),
            "companies_removed": len(self.wreck.companies),
            "customers_without_company_again": self.wreck.placed,
        }


def undo(cursor: Any, wreck: Wreck) -> None:
    """Take away what the former migration had added, rows included."""
    for statement in UNDO:
        cursor.execute(statement)
    with without_user_triggers(cursor, "customers", "companies"):
        made = [list(wreck.companies)]
        cursor.execute("UPDATE customers SET company_id = NULL WHERE company_id = ANY(%s)", made)
        cursor.execute("DELETE FROM companies WHERE id = ANY(%s)", made)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    reconcile(cursor, "customers", _dropped_by_the_wreck(), lambda _: False)


def _dropped_by_the_wreck() -> list[TableObject]:
    """Return the indexes and the constraint that stood on customers; nothing else was touched."""
    return [
        item
        for item in model_objects(legacy_models()["customers"])
        if item.kind == "index" or item.unique_columns
    ]
