"""A backup's folder: it bears its final name only when it is whole."""

import errno
import itertools
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
PARTIAL = ".partial"


def is_partial(folder: Path) -> bool:
    """Return whether ``folder`` bears the temporary name of a backup that was never finished."""
    return folder.resolve().name.endswith(PARTIAL)


@contextmanager
def partial_folder(directory: Path, stamp: datetime) -> Iterator[Path]:
    """Give an empty folder under a temporary name; whatever fails inside, it goes.

    ``directory`` is made if it is missing. Raises OSError if it cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f".{_name(stamp)}.{secrets.token_hex(4)}{PARTIAL}"
    path.mkdir(mode=0o700)
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def publish(partial: Path, stamp: datetime) -> Path:
    """Give ``partial`` its final name, on the disk too, and return it.

    A name that is taken is never overwritten: the second folder of a second is numbered.
    """
    _sync(partial)
    final = _rename(partial, partial.parent / _name(stamp))
    _sync(final.parent)
    return final


def _rename(partial: Path, wanted: Path) -> Path:
    for number in itertools.count(1):
        try:
            return partial.rename(wanted if number == 1 else f"{wanted}_{number}")
        except OSError as error:
            if error.errno not in TAKEN:
                raise
    raise AssertionError("numbers do not end")


def _name(stamp: datetime) -> str:
    return f"migration_{stamp.astimezone(UTC):%Y%m%d_%H%M%S}"


def write_synced(path: Path, data: bytes) -> None:
    """Write a small new file, readable by its owner only, and make sure that it is on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
