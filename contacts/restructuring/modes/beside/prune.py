"""``--prune-backups KEEP``: remove the older backups of this database."""

from collections.abc import Iterable
from pathlib import Path

from contacts.restructuring.backup.folder import abandoned
from contacts.restructuring.backup.shelf import Kept, needed_backups, remove_backups
from contacts.restructuring.console.lines import Line
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes.beside.status import shelf
from contacts.restructuring.modes.operation import Operation, Prune
from contacts.restructuring.reports.overview import kept_told
from contacts.restructuring.state.history import read_runs
from jmsk.wording import counted


def prune_backups(operation: Operation) -> None:
    """Name the backups that go, ask, and remove them, with what killed runs have left."""
    operation.say_database()
    wanted, folder = operation.options.prune or Prune(0), operation.options.backup_dir
    with operation.reading_snapshot() as inspector:
        runs = read_runs(inspector.cursor)
    mine = [kept for kept in shelf(operation) if kept.belongs_to(operation.report.database)]
    needed = needed_backups(mine, runs, operation.report.database)
    _refuse_unknown(wanted.names, mine, folder)
    going = [kept for kept in surplus(mine, wanted.keep) if kept not in needed]
    going += [kept for kept in mine if kept.path.name in {*wanted.names} and kept not in going]
    spared = [kept for kept in surplus(mine, wanted.keep) if kept not in going]
    operation.say(
        *(
            Line(f"  stays, a way back needs it: {kept_told(kept)}", verbatim=True)
            for kept in spared
        )
    )
    unfinished = abandoned(folder)
    if not going and not unfinished:
        operation.nothing_to_do(f"No backup of this database in {folder} is to go: nothing to do.")
        return
    told = [f"{kept_told(kept)}; it is removed" for kept in going]
    told += [f"{path.name} is removed: a killed run left it" for path in unfinished]
    operation.say(Line("What will happen:"), *(Line(f"  - {one}", verbatim=True) for one in told))
    operation.console.ask(operation.mode.question)
    gone = _remove(operation, going)
    operation.nothing_to_do(
        f"Removed {counted(len(gone), 'folder')} from {folder}. Left of this database: "
        f"{counted(len(mine) - len(going), 'backup')}."
    )


def surplus(backups: Iterable[Kept], keep: int) -> list[Kept]:
    """Return all but the newest ``keep`` of ``backups``, which come newest first.

    What is not whole is kept for nobody, so it counts for none of them.
    """
    whole = [kept for kept in backups if not kept.lack]
    return [kept for kept in backups if kept not in whole[:keep]]


def _refuse_unknown(names: Iterable[str], mine: Iterable[Kept], folder: Path) -> None:
    there = {kept.path.name for kept in mine}
    unknown = [name for name in names if name not in there]
    if unknown:
        raise Failure(
            "MC410",
            f"{folder} holds no backup of this database named {', '.join(unknown)}. {UNCHANGED} "
            f"It holds: {', '.join(sorted(there)) or 'none'}.",
        )


def _remove(operation: Operation, going: Iterable[Kept]) -> tuple[Path, ...]:
    try:
        return remove_backups(operation.options.backup_dir, going)
    except OSError as error:
        raise Failure(
            "MC411",
            f"{error.filename} could not be removed: {error.strerror}. The database was not "
            "touched; the backups named before this one are gone. Check the folder's permissions, "
            "then run again.",
        ) from error
