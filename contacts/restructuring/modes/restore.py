"""``--restore DIR``: make the tables what a backup holds."""

from functools import partial

from django.core.management.base import CommandError
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.changes import restore as restoration
from contacts.restructuring.changes.base import ChangeResult, Plan
from contacts.restructuring.checks.base import Result, run_checks
from contacts.restructuring.checks.before_restore import checks_for_restore
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.settings import (
    apply_reading_settings,
    pin_settings,
    use_schema,
)
from contacts.restructuring.database.transaction import TransactionResult
from contacts.restructuring.journal import Journal
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.steps import report_run, run_plan, say_undo
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.restore.compatibility import require_fit
from contacts.restructuring.restore.create_tables import build_tables, finish_tables
from contacts.restructuring.restore.difference import Change, restore_plan
from contacts.restructuring.restore.references import Reference, references_in_the_way
from contacts.restructuring.state.record import read_record
from jmsk.wording import counted

QUESTION = "Proceed with restore? (yes/no): "


def restore(operation: Operation) -> None:
    """Verify the backup, back up what it replaces, show the difference, ask, restore, report."""
    folder = operation.options.restore_from
    if folder is None:
        raise CommandError("--restore takes the folder of a backup.", returncode=2)
    operation.require(Stage.LEGACY, Stage.MIGRATED, Stage.PARTIAL, Stage.EMPTY)
    operation.say(Line(f"Database: {operation.database}"), *heading("VERIFYING THE BACKUP"))
    with operation.journal.step("read backup", "Verifying every byte of the backup"):
        wanted = read_backup(folder)
    require_fit(operation.layout, wanted)
    operation.say(Line(f"✓ {wanted.path} is whole: {_told(wanted)}", "SUCCESS"))
    before = _validate(operation, wanted)
    operation.refuse_failed(before)
    with operation.journal.step("compare", "Comparing the backup with the tables"):
        changes, references = _compare(operation, wanted)
    operation.say(*heading("WHAT WOULD CHANGE"), *_changes(changes))
    _refuse(operation, references)
    backup = None if operation.layout.stage is Stage.EMPTY else operation.back_up()
    _ask(operation, wanted, backup)
    operation.say(*heading("RESTORING"))
    work = partial(_work, wanted)
    ended = run_plan(operation, work, backup, before, _exclusive(operation))
    outcome = "The tables hold exactly what the backup holds; their fingerprints were compared."
    stage = Stage(wanted.manifest.stage)
    report = report_run(operation, "restore", outcome, ended, before, stage=stage)
    operation.say(Line(), Line("✓ RESTORE COMPLETED SUCCESSFULLY!", "SUCCESS"))
    say_undo(operation, report)


def _work(
    wanted: Backup, connection: BaseDatabaseWrapper, plan: Plan, journal: Journal
) -> TransactionResult[ChangeResult]:
    return restoration.restore(connection, plan, wanted, journal)


def _told(backup: Backup) -> str:
    rows = ", ".join(f"{rows} {table}" for table, rows in backup.rows.items())
    manifest = backup.manifest
    return f"{rows}; taken {manifest.taken_at} of {manifest.database} ({manifest.stage})"


def _exclusive(operation: Operation) -> tuple[str, ...]:
    return tuple(name for name in operation.layout.tables if name != "tenants")


def _validate(operation: Operation, wanted: Backup) -> list[Result]:
    operation.say(*heading("CHECKS BEFORE THE RESTORE"))
    checks = checks_for_restore(operation.layout, wanted)
    with operation.reading_snapshot() as inspector:
        results = run_checks(inspector, checks)
    operation.draft.note(before=tuple(results))
    operation.say(*result_lines(results))
    return results


def _compare(
    operation: Operation, wanted: Backup
) -> tuple[tuple[Change, ...], tuple[Reference, ...]]:
    """Load the backup into temporary tables and compare; leave nothing."""
    alias, layout = operation.connection.alias, operation.layout
    with operation.reading_transaction() as cursor:
        apply_reading_settings(cursor)
        use_schema(cursor, layout.schema)
        pin_settings(cursor)
        migrated = layout.stage is Stage.MIGRATED
        created = read_record(cursor).created_companies if migrated else ()
        if layout.stage is Stage.EMPTY:
            build_tables(cursor, wanted, layout.schema)  # what it lacks is told before the question
            finish_tables(cursor, wanted)
        changes = restore_plan(cursor, layout, wanted, created)
        references = references_in_the_way(cursor, layout, wanted)
        transaction.set_rollback(True, using=alias)
    return changes, references


def _changes(changes: tuple[Change, ...]) -> list[Line]:
    return [
        Line(
            f"  {item.table}: {counted(item.now, 'row')} now, {item.backup:,} in the backup; "
            f"{item.deleted:,} go, {item.changed:,} change back, {item.added:,} come back"
        )
        for item in changes
    ]


def _refuse(operation: Operation, references: tuple[Reference, ...]) -> None:
    """Raise CommandError if rows that would go are referred to by tables of other programs."""
    if not references:
        return
    for item in references:
        operation.say(
            Line(f"✗ Rows of {item.referring} that refer to them: {item.number:,}", "ERROR")
        )
        operation.say(*(Line(f"    - {row}") for row in item.rows))
        operation.say(Line(f"    All of them: {item.query};", verbatim=True))
    tables = ", ".join(sorted({item.referring for item in references}))
    raise CommandError(
        f"Rows of {tables} refer to rows that the backup does not have. Nothing was changed. "
        "Decide what becomes of them, then run again."
    )


def _ask(operation: Operation, wanted: Backup, backup: Backup | None) -> None:
    operation.say(*heading("READY TO RESTORE"), Line(f"Database: {operation.database}"))
    operation.say(
        Line("What will happen:"),
        Line(f"  - the tables become what {wanted.path} holds, row by row, id by id"),
        Line("  - a migrated database is brought back to the legacy schema first, where need be"),
        Line("  - tables of other programs are not touched"),
        Line("  - the fingerprints are compared before COMMIT; whatever fails, all stays as it is"),
        Line(f"Backup of what is replaced: {backup.path if backup else 'none'}"),
        Line(),
    )
    operation.console.ask(QUESTION)
    operation.look_again()
    if not operation.console.noinput and read_backup(wanted.path) != wanted:
        raise CommandError(
            f"{wanted.path} was replaced by another backup while the question was open. Nothing "
            "was changed. Run again, so that you see what that one would change."
        )
