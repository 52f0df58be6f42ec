"""Read a backup from the disk, and trust nothing of it before its checksums are right."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from contacts.restructuring.backup.compression import expand, one_ahead
from contacts.restructuring.backup.folder import is_partial
from contacts.restructuring.backup.manifest import (
    FILE_NAME,
    Backup,
    Progress,
    TableBackup,
    read_manifest,
    unheard,
    verify_files,
)
from contacts.restructuring.failures import UNCHANGED, Failure


def read_backup(path: Path, progress: Progress = unheard) -> Backup:
    """Return the backup in the folder ``path``, every byte of it verified; tell how far that is.

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
        verify_files(folder, manifest, progress)
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        hint = (
            "it is not a backup of this tool" if missing == FILE_NAME else "the backup is not whole"
        )
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


class Readable(Protocol):
    """A file to give to COPY."""

    def read(self, size: int, /) -> bytes: ...


@contextmanager
def verified_lines(
    backup: Backup, table: TableBackup, progress: Progress = unheard
) -> Iterator[Readable]:
    """Give the lines of ``table`` and hold them to the checksum while they are read.

    Between the verification and now the folder may have gone, or its files have been changed.
    Raises Failure in the end, whatever was read, unless it was what the manifest says.
    """
    lines = _Lines(
        backup.path / table.file,
        lambda number: progress(f"{table.table}, loaded", number, table.rows),
    )
    try:
        yield lines
    except Exception:
        if lines.error is None:  # else the server only repeats that there is nothing to read
            raise
    finally:
        lines.close()
    if lines.error is None and lines.sha256.hexdigest() == table.sha256:
        return
    told = f" ({lines.error})" if lines.error else ""
    raise Failure(
        "MC409",
        f"{table.file} of the backup {backup.path} is not what it was when it was verified{told}. "
        f"{UNCHANGED} Restore the folder from a copy, or name another backup; let nothing change "
        "it meanwhile.",
    ) from lines.error


class _Lines:
    """The lines in a file; ``error`` is why they cannot be read, ``sha256`` of what was read.

    ``progress`` hears how many have been read.
    """

    def __init__(self, path: Path, progress: Callable[[int], None]) -> None:
        self.progress = progress
        self.count = 0
        self.sha256 = hashlib.sha256()
        self.error: OSError | ValueError | None = None
        self._blocks = one_ahead(expand(path, self.sha256.update))
        self._rest = memoryview(b"")

    def close(self) -> None:
        """Close the file, however much of it was read."""
        self._blocks.close()

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end. Raises OSError or ValueError."""
        try:
            while not self._rest:
                block = next(self._blocks)
                self.count += block.count(b"\n")
                self.progress(self.count)
                self._rest = memoryview(block)
        except StopIteration:
            return b""
        except (OSError, ValueError) as error:
            self.error = error
            raise
        found, self._rest = self._rest[:size], self._rest[size:]
        return bytes(found)
