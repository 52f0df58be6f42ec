"""Restoring a backup in one transaction, whatever stage the database is in."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.meaning import EMAIL
from contacts.models import RestructuringRun
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.writer import backed_up
from contacts.restructuring.changes import recover as recovery
from contacts.restructuring.changes.base import (
    ChangeResult,
    Plan,
    RefusedError,
    back_up_again_if_written,
)
from contacts.restructuring.changes.django_migrate import LEGACY_MIGRATION, migrate
from contacts.restructuring.changes.run_row import begin_run, complete_run
from contacts.restructuring.checks.base import failed, run_checks
from contacts.restructuring.checks.before_restore import checks_for_restore, must_go_back
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage, reached_legacy, read_layout
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from contacts.restructuring.restore.rows import restore_rows
from contacts.restructuring.state import alembic
from contacts.restructuring.state.record import read_record
from contacts.restructuring.state.wreck import examine
from jmsk.postgres.user_triggers import without_user_triggers

PASSABLE = f"""
    WITH sharing AS (
        SELECT id, row_number() OVER (PARTITION BY tenant_id, {EMAIL}
                                      ORDER BY email IS NULL, id) AS place
          FROM contacts)
    UPDATE contacts SET email = 'restoring-' || id || '@backup.invalid', email_set_aside = NULL
     WHERE {EMAIL} IS NULL
        OR id IN (SELECT id FROM sharing WHERE place > 1)
"""
"""Every row is about to be replaced; until then the legacy schema must be able to hold it.

Only these are changed: rows of other tables may refer to the e-mails of the rest.
"""


def restore(
    connection: BaseDatabaseWrapper, plan: Plan, backup: Backup, journal: Journal
) -> TransactionResult[ChangeResult]:
    """Make the database what ``backup`` holds, in one transaction, proved by its fingerprints.

    Raises CommandError, with the database as it was, if something stands in the way.
    """

    def work(cursor: Any, point: RecoveryPoint) -> ChangeResult:
        inspector = Inspector(connection, cursor, plan.layout)
        results = run_checks(inspector, checks_for_restore(plan.layout, backup))
        if failed(results):
            raise RefusedError(results)
        return _work(connection, cursor, point, plan, backup, journal)

    return run_in_transaction(connection, plan.frame, journal, work)


def _work(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    backup: Backup,
    journal: Journal,
) -> ChangeResult:
    before = take_fingerprints(cursor, [plain_source(table) for table in backed_up(plan.layout)])
    backup_path, repeated = back_up_again_if_written(cursor, plan, journal)
    layout, run = plan.layout, None
    if layout.stage is not Stage.EMPTY:
        run = _begin(connection, cursor, point, plan, backup, journal)
        layout = read_layout(connection)
    with journal.step("restore", "Restoring the rows"):
        done = restore_rows(cursor, layout, backup)
    run = run or _begin(connection, cursor, point, plan, backup, journal)
    if layout.stage is Stage.MIGRATED:
        run.created_companies = _created_companies(cursor, backup)
    with journal.step("analyze", "Refreshing the planner's statistics"):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ANALYZE {', '.join(item.table for item in done)}")
    counts = {
        f"{item.table}_{what}": number
        for item in done
        for what, number in (
            ("deleted", item.deleted),
            ("changed", item.changed),
            ("added", item.added),
        )
    }
    outcome = ChangeResult(
        before,
        backup.fingerprints,
        counts={**backup.rows, **counts},
        backup_path=backup_path,
        backup_repeated=repeated,
    )
    complete_run(run, plan, outcome, journal)
    return outcome


def _created_companies(cursor: Any, backup: Backup) -> list[int]:
    """Return the default companies in ``backup`` that a migration created, for the way back.

    Where the backup is too old to know, those that the database knew before.
    """
    known = backup.manifest.created_companies
    return list(read_record(cursor).created_companies if known is None else known)


def _begin(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    backup: Backup,
    journal: Journal,
) -> RestructuringRun:
    """Bring the tables to the backup's stage, and write the run's row."""
    if plan.layout.stage is Stage.PARTIAL:
        with journal.step("recover", "Taking the tables back to the legacy shape"):
            recovery.undo(cursor, examine(cursor))
            reached_legacy(connection)
    kind = RestructuringRun.Kind.RESTORE
    run = begin_run(connection, journal, kind, plan.started, point.transaction_id)
    if must_go_back(plan.layout, backup):
        with journal.step("migrate", "Reversing the restructuring"):
            _make_passable(cursor)
            record = read_record(cursor)
            migrate(connection, journal, *LEGACY_MIGRATION)
            alembic.put_back(cursor, record.alembic)
            reached_legacy(connection)
    return run


def _make_passable(cursor: Any) -> None:
    """Let the reversal pass, if contacts have e-mails that the legacy schema could not hold."""
    cursor.execute(
        f"SELECT EXISTS (SELECT 1 FROM contacts GROUP BY tenant_id, {EMAIL} "
        f"HAVING count(*) > 1 OR {EMAIL} IS NULL)"
    )
    if not cursor.fetchone()[0]:
        return
    with without_user_triggers(cursor, "contacts"):
        cursor.execute(PASSABLE)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
