"""Read a backup from the disk, and trust nothing of it before its checksums are right."""

from pathlib import Path

from contacts.restructuring.backup.folder import is_partial
from contacts.restructuring.backup.manifest import FILE_NAME, Backup, read_manifest, verify_files
from contacts.restructuring.failures import UNCHANGED, Failure


def read_backup(path: Path) -> Backup:
    """Return the backup in the folder ``path``, every byte of it verified.

    Raises Failure if there is none, or if it is not as it was written; it names the file.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise Failure(
            "MC405", f"There is no backup folder {folder}. {UNCHANGED} Name one that exists."
        )
    if is_partial(folder):
        raise Failure(
            "MC405",
            f"{folder} is what a run left that was killed while it wrote its backup. {UNCHANGED} "
            "Name a folder without '.partial' in its name; this one can be deleted.",
        )
    try:
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        hint = "it is no backup of this tool" if missing == FILE_NAME else "the backup is not whole"
        raise Failure(
            "MC405", f"{folder} has no {missing}: {hint}. {UNCHANGED} Name another backup."
        ) from error
    except OSError as error:
        raise Failure(
            "MC406",
            f"The backup {folder} cannot be read: {error}. {UNCHANGED} Check its permissions, or "
            "name another backup.",
        ) from error
    except ValueError as error:
        raise Failure(
            "MC407",
            f"The backup {folder} is damaged or not of this version: {error}. {UNCHANGED} Restore "
            "the folder from a copy, or name another backup.",
        ) from error
    return Backup(folder, manifest)
