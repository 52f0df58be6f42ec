"""The backup before a change: written, or taken over from a run that was declined."""

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from contacts.restructuring.backup.folder import remove_abandoned
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.reuse import backup_to_use
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.modes.operation import Operation
from jmsk.wording import counted


def back_up(operation: Operation) -> Backup | None:
    """Write the backup, unless told not to. A question follows: one that can be asked."""
    operation.console.require_terminal()
    operation.say(*heading("CREATING DATABASE BACKUP"))
    if operation.options.skip_backup:
        operation.say(Line("⚠ No backup is written (--skip-backup).", "WARNING"))
        return None
    for folder in remove_abandoned(operation.options.backup_dir):
        told = f"  Removed {folder}: left by a run that was killed"
        operation.say(Line(told, verbatim=True))
    found = _taken_over(operation)
    if found:
        return found
    with operation.journal.step("backup", "Backing up the tables"):
        backup = _write(operation, operation.reading_snapshot())
    for table, rows in backup.rows.items():
        operation.say(Line(f"✓ Backed up {counted(rows, 'row')} of {table}", "SUCCESS"))
    operation.say(Line(f"  The backup lies in {backup.path}"))
    return backup


def back_up_under_lock(operation: Operation, inspector: Inspector) -> Path:
    """Back the tables up inside the run's transaction, which ``inspector`` sees."""
    return _write(operation, nullcontext(inspector)).path


def _taken_over(operation: Operation) -> Backup | None:
    """Return the backup of a run that changed nothing, if it holds what is there now."""
    if operation.options.new_backup:
        return None
    now = datetime.now(UTC)
    with operation.journal.step("look for a backup", "Looking for a backup of the last hour"):
        found = backup_to_use(
            operation.reading_snapshot(),
            operation.options.backup_dir,
            now,
            operation.journal.count,
        )
    if found is None:
        return None
    operation.report.backup_path = str(found.path)
    taken = datetime.fromisoformat(found.manifest.taken_at)
    minutes = (now - taken).seconds // 60
    age = counted(minutes, "minute") if minutes else "less than a minute"
    operation.say(
        Line(f"✓ The backup of {age} ago is used again: every row is as it was then", "SUCCESS"),
        Line(f"  It lies in {found.path}; its files were verified; --new-backup writes another"),
    )
    return found


def _write(operation: Operation, snapshot: AbstractContextManager[Inspector]) -> Backup:
    # Its folder is named by the moment by which the run's reports are.
    backup = write_backup(
        snapshot,
        operation.options.backup_dir,
        operation.report.started,
        operation.journal.count,
        datetime.now(UTC),
    )
    operation.report.backup_path = str(backup.path)
    return backup
