"""The switch: the restructuring of a database that is prepared, under a lock of a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import Change, require_passed
from contacts.restructuring.changes.bridge import build_bridge
from contacts.restructuring.changes.context import ChangeContext, Fingerprints
from contacts.restructuring.changes.planned_migrations import (
    PlannedMigrations,
    plan_migrations,
)
from contacts.restructuring.changes.run_row import begin_run
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Result, Tag, run_checks
from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.failures import Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.preparation.state import Phase, note
from contacts.restructuring.proof.legacy_meaning import Source
from contacts.restructuring.state import alembic
from contacts.restructuring.switching.changed import MOST_ORPHANS, read_changed
from contacts.restructuring.switching.touched import Beginning, begin_switch, prove_switch
from contacts.restructuring.switching.vacuums import wait_for_vacuums
from contacts.restructuring.switching.witness import Witness

CHECKS_OF_THE_CATALOGUE = tuple(check for check in CHECKS_AFTER if Tag.CATALOGUE in check.tags)


@dataclass
class Switch(Change):
    """Let Django's migrations take over what was prepared, and prove that they did no more.

    ``witness`` sees the rows as they are under the lock, for a second look after COMMIT.
    """

    kind = RestructuringRun.Kind.MIGRATION
    backs_up_again = False  # the backup is of a snapshot, and the application goes on writing
    witness: Witness | None = None
    max_orphans: int = MOST_ORPHANS
    planned: PlannedMigrations = field(init=False)
    begun: Beginning = field(init=False)

    def before_lock(self, cursor: Any, journal: Journal) -> None:
        self.planned = plan_migrations(cursor, journal)
        wait_for_vacuums(cursor)

    def sources(self, context: ChangeContext) -> Sequence[Source]:
        return ()

    def fingerprint(self, context: ChangeContext, sources: Sequence[Source]) -> Fingerprints:
        """Put right what changed since the last check; return what the journal says is there."""
        with context.journal.step("changes", "Looking at what changed since the last check"):
            changed = read_changed(context.cursor, context.layout, self.max_orphans)
            self.begun = begin_switch(context.cursor, context.layout, changed)
        return dict(self.begun.expected)

    def prove(
        self, context: ChangeContext, sources: Sequence[Source], before: Fingerprints
    ) -> tuple[RestructuringRun, Fingerprints]:
        run = self.make(context)
        with context.journal.step("prove", "Proving that nothing else was touched"):
            prove_switch(context.cursor, self.begun, run.created_companies)
            note(context.cursor, Phase.SWITCHED)
        return run, before

    def make(self, context: ChangeContext) -> RestructuringRun:
        with context.journal.step("migrate", "Migrating"):
            run = begin_run(context, self.kind)
            self.planned.apply(context.journal)
        if context.plan.alembic_stamp:
            run.alembic = alembic.stamp(context.cursor, context.plan.alembic_stamp)
            run.save(update_fields=["alembic"])
        if context.plan.bridge:
            build_bridge(
                context.connection,
                context.cursor,
                context.plan.bridge,
                context.journal,
                indexes=False,
            )
        # Deferred foreign keys are checked now: a rehearsal has no COMMIT.
        context.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        run.refresh_from_db()
        return run

    def verify(self, context: ChangeContext) -> Sequence[Result]:
        """Look at the catalogue. What takes longer the more rows there are follows COMMIT."""
        with context.journal.step("verify", "Running the checks of the catalogue"):
            results = run_checks(context.inspector_now, CHECKS_OF_THE_CATALOGUE)
        require_passed(results)
        if self.witness is not None:
            self.witness.look(self.begun)
        return results

    def counts(
        self, context: ChangeContext, run: RestructuringRun, after: Fingerprints
    ) -> Mapping[str, int]:
        rows, changed = {name: after[name].rows for name in LEGACY_NAMES}, self.begun.changed
        rows["companies"] -= len(changed.made.intersection(run.created_companies))
        return {
            **rows,
            "companies_created": len(run.created_companies),
            "contacts_placed": changed.placed_early + len(self.begun.orphans),
            "emails_set_aside": 0,
            "orders_righted": self.begun.righted,
        }


def refuse_unequal(witness: Witness) -> None:
    """Read every row of the moment of the lock. Raises Failure where the journal was wrong."""
    unequal = witness.unequal()
    if unequal:
        raise Failure(
            "MC911",
            f"The switch was committed, but the rows of {', '.join(unequal)} at the lock were not "
            "what the journal said: something was written past it since the last check. The rows "
            "themselves were not touched by the switch. Find out what writes without firing "
            "triggers. 'manage.py migrate_contacts' finishes the switch and checks all rows.",
        )
