"""Which backups a directory holds."""

from collections.abc import Iterator
from pathlib import Path

from contacts.restructuring.backup.manifest import FILE_NAME, Backup, read_manifest
from jmsk.wording import counted


def whole_backups(directory: Path) -> tuple[Backup, ...]:
    """Return the whole backups in ``directory``, the newest first, by what their manifests say.

    Their files are not read. What has no manifest that can be used is left out.
    """
    found = _readable(directory)
    return tuple(sorted(found, key=lambda one: one.manifest.taken_at, reverse=True))


def _readable(directory: Path) -> Iterator[Backup]:
    for file in directory.glob(f"migration_*/{FILE_NAME}"):
        try:
            yield Backup(file.parent, read_manifest(file.parent))
        except (OSError, ValueError):  # it is no backup that could be used
            continue


def describe_backup(backup: Backup) -> str:
    """Say in one line what ``backup`` holds."""
    manifest = backup.manifest
    rows = counted(sum(backup.rows.values()), "row")
    taken = manifest.taken_at[:19].replace("T", " ")
    return f"{backup.path}: {manifest.stage}, {rows}, of {manifest.database}, taken {taken} UTC"
