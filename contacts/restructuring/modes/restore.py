"""``--restore DIR``: make the tables what a backup holds."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.db import transaction

from contacts.created_companies import going_companies
from contacts.restructuring.backup.listing import describe_backup, whole_backups
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.changes.restore import Restore, tables_to_lock
from contacts.restructuring.checks.before_restore import checks_for_restore
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.settings import apply_reading_settings
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.backing_up import back_up
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.restore.compatibility import require_fit
from contacts.restructuring.restore.create_tables import build_tables, finish_tables
from contacts.restructuring.restore.difference import Change, restore_plan, was_migrated_since
from contacts.restructuring.restore.references import (
    Reference,
    references_in_the_way,
    refuse_references,
)
from contacts.restructuring.state.record import read_record
from jmsk.wording import counted, inflected, moment

CONSEQUENCES = (
    "the tables become what {path} holds, row by row, id by id",
    "a migrated database is brought back to the legacy schema first, where need be",
    "tables of other programs are not touched",
    "the fingerprints are compared before COMMIT; whatever fails, all stays as it is",
)


def restore(operation: Operation) -> None:
    """Verify the backup, back up what it replaces, show the difference, ask, restore, report."""
    operation.say_database()
    steps.section(operation, "VERIFYING THE BACKUP")
    with operation.journal.step("read backup", "Verifying every byte of the backup"):
        wanted = _read(operation)
    require_fit(operation.layout, wanted)
    operation.say(Line(f"✓ {wanted.path} is whole: {_described(wanted)}", "SUCCESS"))
    steps.section(operation, "CHECKS BEFORE THE RESTORE")
    going_back = was_migrated_since(operation.layout, wanted)
    steps.check_first(operation, checks_for_restore(going_back=going_back), lambda *_: None)
    operation.refuse_failed(operation.report.before)
    with operation.journal.step("compare", "Comparing the backup with the tables"):
        changes, references = _compare(operation, wanted)
    steps.section(operation, "WHAT WOULD CHANGE", *_changes(changes))
    _show_references(operation, references)
    refuse_references(references, UNCHANGED)
    backup = None if operation.layout.stage is Stage.EMPTY else back_up(operation)
    _confirm(operation, wanted, backup)
    steps.section(operation, "RESTORING")
    steps.run_and_report(operation, Restore(wanted), tables_to_lock(operation.layout), backup)
    steps.refresh_statistics(operation)
    operation.say(Line("✓ The tables hold what the backup holds", "SUCCESS"))
    operation.report.stage = Stage(wanted.manifest.stage)
    steps.save_report(
        operation,
        "The tables hold exactly what the backup holds; their fingerprints were compared.",
    )
    operation.say(Line(), Line("✓ RESTORE COMPLETED SUCCESSFULLY!", "SUCCESS"))
    steps.say_undo(operation)


NO_BACKUP = "MC405"
MOST_LISTED = 10


def _read(operation: Operation) -> Backup:
    """Return the backup that was asked for. Raises Failure, which says what else there is."""
    try:
        return read_backup(Path(operation.options.restore_from or ""), operation.journal.count)
    except Failure as failure:
        if failure.code != NO_BACKUP:
            raise
        directory = operation.options.backup_dir
        found = whole_backups(directory)
        listed = "".join(f"\n  {describe_backup(one)}" for one in found[:MOST_LISTED])
        told = (
            f"The newest backups in {directory}:{listed}"
            if found
            else (f"There is no backup in {directory}.")
        )
        failure.args = (f"{failure} {told}",)
        raise


def _described(backup: Backup) -> str:
    rows = ", ".join(f"{rows:,} {table}" for table, rows in backup.rows.items())
    manifest = backup.manifest
    taken = moment(datetime.fromisoformat(manifest.taken_at))
    return f"{rows}; taken {taken} of {manifest.database} ({manifest.stage})"


def _compare(
    operation: Operation, wanted: Backup
) -> tuple[tuple[Change, ...], tuple[Reference, ...]]:
    """Load the backup into temporary tables and compare; leave nothing."""
    layout = operation.layout
    with operation.reading_transaction() as cursor:
        apply_reading_settings(cursor, layout.schema)
        migrated = layout.stage is Stage.MIGRATED
        going = going_companies(cursor, read_record(cursor).created) if migrated else ()
        if layout.stage is Stage.EMPTY:  # what it lacks is said before the question
            build_tables(cursor, wanted, layout.schema)
            finish_tables(cursor, wanted)
        changes = restore_plan(cursor, layout, wanted, going, operation.journal.count)
        references = references_in_the_way(cursor, layout, wanted)
        transaction.set_rollback(True, using=operation.connection.alias)
    return changes, references


def _changes(changes: Sequence[Change]) -> list[Line]:
    return [
        Line(
            f"  {item.table}: {counted(item.now, 'row')} now, {item.backup:,} in the backup; "
            f"{inflected(item.deleted, 'goes', 'go')}, "
            f"{inflected(item.changed, 'changes back', 'change back')}, "
            f"{inflected(item.added, 'comes back', 'come back')}"
        )
        for item in changes
    ]


def _show_references(operation: Operation, references: Sequence[Reference]) -> None:
    for item in references:
        operation.say(
            Line(f"✗ Rows of {item.referring} that refer to them: {item.number:,}", "ERROR")
        )
        operation.say(*(Line(f"    - {row}") for row in item.rows))
        operation.say(Line(f"    All of them: {item.query};", verbatim=True))


def _confirm(operation: Operation, wanted: Backup, backup: Backup | None) -> None:
    steps.section(operation, "READY TO RESTORE")
    operation.say_database()
    consequences = [step.format(path=wanted.path) for step in CONSEQUENCES]
    steps.confirm(operation, consequences, steps.backup_line(backup, "Backup of what is replaced"))
    if operation.console.noinput:
        return
    with operation.journal.step("read backup again", "Verifying the backup once more"):
        found = read_backup(wanted.path, operation.journal.count)
    if found != wanted:
        raise Failure(
            "MC408",
            f"{wanted.path} was replaced by another backup while the question was open. "
            f"{UNCHANGED} Run again, so that you see what that one would change.",
        )
