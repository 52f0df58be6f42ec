"""The backups that lie in a folder: which there are, of what, and whether they are whole."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contacts.restructuring.backup.folder import PARTIAL, remove_abandoned
from contacts.restructuring.backup.manifest import FILE_NAME, Backup, Manifest, read_manifest
from contacts.restructuring.database.identity import Database
from contacts.restructuring.state.history import Run
from contacts.runs import BESIDE


@dataclass(frozen=True)
class Kept:
    """A backup's folder. ``manifest`` is None where it cannot be read; ``size`` is in bytes.

    ``lack`` says why it is not whole, '' where it is. The files' sizes are compared, not every
    byte: a restore does that.
    """

    path: Path
    manifest: Manifest | None
    size: int
    lack: str = ""

    @property
    def taken(self) -> datetime | None:
        """When it was taken, in UTC."""
        if self.manifest is None:
            return None
        return datetime.fromisoformat(self.manifest.taken_at).astimezone(UTC)

    @property
    def backup(self) -> Backup | None:
        """The backup that can be restored, if it is whole."""
        return Backup(self.path, self.manifest) if self.manifest and not self.lack else None

    @property
    def rows(self) -> int:
        """The rows of all its tables."""
        return sum(table.rows for table in self.manifest.tables) if self.manifest else 0

    def belongs_to(self, database: Database | None) -> bool:
        """Return whether it was taken of ``database``."""
        if self.manifest is None or database is None:
            return False
        of = (self.manifest.database, self.manifest.host)
        return of == (database.name, database.host)


def list_backups(directory: Path) -> tuple[Kept, ...]:
    """Return the backups in ``directory``, the newest first; behind them what is unfinished.

    Raises OSError where the directory is there and cannot be read.
    """
    if not directory.is_dir():
        return ()
    found = sorted(directory.iterdir(), key=lambda path: path.name, reverse=True)
    folders = [path for path in found if path.is_dir() and not path.is_symlink()]
    whole = [_kept(path) for path in folders if path.name.startswith("migration_")]
    partial = [
        Kept(path, None, _size(path), "unfinished")
        for path in folders
        if path.name.startswith(".migration_") and path.name.endswith(PARTIAL)
    ]
    return (*whole, *partial)


def needed_backups(
    backups: Iterable[Kept], runs: Iterable[Run], database: Database | None
) -> list[Kept]:
    """Return those of ``backups`` that a way back of ``database`` needs, in their order."""
    names = needed_names(runs)
    return [kept for kept in backups if kept.belongs_to(database) and kept.path.name in names]


def needed_names(runs: Iterable[Run]) -> set[str]:
    """Return the names of the backups by which the latest run is undone, and the latest migration.

    ``runs`` come the latest first. Those that only made something beside the tables took none.
    """
    latest: dict[str, Run] = {}
    for run in runs:
        if run.kind in BESIDE:
            continue
        latest.setdefault("run", run)
        if run.kind == "migration":
            latest.setdefault("migration", run)
    return {Path(run.backup_path).name for run in latest.values() if run.backup_path}


def remove_backups(directory: Path, backups: Iterable[Kept]) -> tuple[Path, ...]:
    """Remove ``backups``, and what killed runs have left in ``directory``; return what is gone.

    Raises OSError where one cannot be removed; those before it are gone.
    """
    gone = []
    for kept in backups:
        shutil.rmtree(kept.path)
        gone.append(kept.path)
    return (*gone, *remove_abandoned(directory))


def _kept(path: Path) -> Kept:
    try:
        manifest = read_manifest(path)
        size = _size(path)
    except FileNotFoundError:
        return Kept(path, None, _size(path), f"it has no {FILE_NAME}")
    except (OSError, ValueError) as error:
        return Kept(path, None, 0, str(error))
    return Kept(path, manifest, size, _lack(path, manifest))


def _lack(path: Path, manifest: Manifest) -> str:
    for table in manifest.tables:
        file = path / table.file
        if not file.is_file():
            return f"{table.file} is missing"
        if file.stat().st_size != table.size:
            return f"{table.file} has another size than it was written with"
    return ""


def _size(path: Path) -> int:
    """Return the bytes of the files in ``path``; of a folder that goes meanwhile, what is left."""
    try:
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except OSError:
        return 0
