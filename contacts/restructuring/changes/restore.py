"""Restoring a backup, whatever stage the database is in."""

from collections.abc import Mapping, Sequence
from typing import Any

from contacts.created_companies import Row
from contacts.meaning import CUSTOMER_NAME, EMAIL
from contacts.models import RestructuringRun
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.writer import backed_up
from contacts.restructuring.changes import recover
from contacts.restructuring.changes.base import Change
from contacts.restructuring.changes.context import ChangeContext, Fingerprints
from contacts.restructuring.changes.planned_migrations import PlannedMigrations, plan_reversal
from contacts.restructuring.changes.rollback import reverse
from contacts.restructuring.changes.run_row import begin_run
from contacts.restructuring.checks.base import Check
from contacts.restructuring.checks.before_restore import checks_for_restore
from contacts.restructuring.database.layout import Layout, Stage, reached_legacy, read_layout
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.exact_hash import take_exact_fingerprints
from contacts.restructuring.proof.legacy_meaning import Source, plain_source
from contacts.restructuring.restore.difference import was_migrated_since
from contacts.restructuring.restore.rows import Restored, restore_rows
from contacts.restructuring.state.record import read_record
from contacts.restructuring.state.wreck import examine
from jmsk.postgres.queries import value
from jmsk.postgres.user_triggers import without_user_triggers

PASSABLE = f"""
    WITH sharing AS (
        SELECT id, row_number() OVER (PARTITION BY tenant_id, {EMAIL}
                                      ORDER BY email IS NULL, id) AS place
          FROM contacts)
    UPDATE contacts
       SET email = 'restoring-' || id::text || '@backup.invalid', email_set_aside = NULL
     WHERE {EMAIL} IS NULL
        OR id IN (SELECT id FROM sharing WHERE place > 1)
"""
"""Every row is about to be replaced; until then the legacy schema must be able to hold it.

Only these are changed: rows of other tables may refer to the e-mails of the rest.
"""
IMPASSABLE = f"""
    SELECT EXISTS (SELECT 1 FROM contacts GROUP BY tenant_id, {EMAIL}
                   HAVING count(*) > 1 OR {EMAIL} IS NULL)
"""
NAMELESS = f"FROM orders WHERE {CUSTOMER_NAME} IS NULL"
NAMED = f"UPDATE orders SET customer_name = '' WHERE id IN (SELECT id {NAMELESS})"


class Restore(Change):
    """Make the tables what ``backup`` holds; ``done`` is what that did to them."""

    kind = RestructuringRun.Kind.RESTORE
    done: tuple[Restored, ...]
    planned: PlannedMigrations

    def __init__(self, backup: Backup) -> None:
        self.backup = backup

    def before_lock(self, cursor: Any, journal: Journal) -> None:
        if was_migrated_since(read_layout(cursor.db), self.backup):
            self.planned = plan_reversal(cursor, journal)

    def checks(self, context: ChangeContext) -> Sequence[Check]:
        return checks_for_restore(going_back=was_migrated_since(context.layout, self.backup))

    def sources(self, context: ChangeContext) -> Sequence[Source]:
        return [plain_source(table) for table in backed_up(context.layout)]

    def prove(
        self, context: ChangeContext, sources: Sequence[Source], before: Fingerprints
    ) -> tuple[RestructuringRun, Fingerprints]:
        """Restore the rows, which are compared with the backup's own fingerprints.

        The exact ones that are returned are of the same kind as those before.
        """
        run = None
        if context.layout.stage is not Stage.EMPTY:
            run = self._bring_back(context)
        layout = read_layout(context.connection) if run else context.layout
        with context.journal.step("restore", "Restoring the rows"):
            self.done = restore_rows(context.cursor, layout, self.backup, context.journal.count)
        run = run or begin_run(context, self.kind)
        if layout.stage is Stage.MIGRATED:
            created = self._created_companies(context.cursor)
            run.created_companies = list(created)
            run.legacy_objects = {"companies": {"created": created}}
        context.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        restored = [plain_source(table) for table in backed_up(read_layout(context.connection))]
        return run, take_exact_fingerprints(context.cursor, restored)

    def counts(
        self, context: ChangeContext, run: RestructuringRun, after: Fingerprints
    ) -> Mapping[str, int]:
        changed = {
            f"{item.table}_{what}": getattr(item, what)
            for item in self.done
            for what in ("deleted", "changed", "added")
        }
        return {**self.backup.rows, **changed}

    def _bring_back(self, context: ChangeContext) -> RestructuringRun:
        """Bring the tables to the backup's stage, and begin the run's row."""
        if context.layout.stage is Stage.PARTIAL:
            with context.journal.step("recover", "Taking the tables back to the legacy schema"):
                recover.undo(context.cursor, examine(context.cursor))
                reached_legacy(context.connection)
        run = begin_run(context, self.kind)
        if was_migrated_since(context.layout, self.backup):
            with context.journal.step("migrate", "Reversing the restructuring"):
                _make_passable(context.cursor)
                reverse(context, read_record(context.cursor), self.planned)
                reached_legacy(context.connection)
        return run

    def _created_companies(self, cursor: Any) -> dict[int, Row | None]:
        """Return the default companies in the backup that a migration created, as it did.

        Where the backup is too old to know, those that the database knew before.
        """
        before, manifest = read_record(cursor).created, self.backup.manifest
        ids = before if manifest.created_companies is None else manifest.created_companies
        return {key: manifest.created_rows.get(str(key), before.get(key)) for key in ids}


def tables_to_lock(layout: Layout) -> tuple[str, ...]:
    """Return the tables that are locked against readers, too."""
    return tuple(name for name in layout.tables if name != "tenants")


def _make_passable(cursor: Any) -> None:
    """Let the reversal pass, if there are e-mails or names that the legacy schema cannot hold."""
    if value(cursor, f"SELECT EXISTS (SELECT 1 {NAMELESS})"):
        _update_silently(cursor, "orders", NAMED)
    if value(cursor, IMPASSABLE):
        _update_silently(cursor, "contacts", PASSABLE)


def _update_silently(cursor: Any, table: str, statement: str) -> None:
    with without_user_triggers(cursor, table):
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
