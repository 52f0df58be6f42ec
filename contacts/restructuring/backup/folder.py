"""A backup's folder: it bears its final name only when it is whole.

Until then its process holds a lock on it, which the system lets go when the process ends, however
that comes. So the next call knows which unfinished folders nobody is at work on any more.
"""

import errno
import fcntl
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


def remove_abandoned(directory: Path) -> tuple[Path, ...]:
    """Remove the unfinished folders of ``directory`` whose process is gone, and return them.

    They hold personal data and are of no use. What another process is writing stays.
    """
    return tuple(path for path in _unfinished(directory) if _removed(path))


def abandoned(directory: Path) -> tuple[Path, ...]:
    """Return the unfinished folders of ``directory`` whose process is gone; none is removed."""
    return tuple(path for path in _unfinished(directory) if _free(path))


def _unfinished(directory: Path) -> list[Path]:
    return sorted(directory.glob(f".*{PARTIAL}")) if directory.is_dir() else []


def _free(path: Path) -> bool:
    try:
        with _locked(path):
            return True
    except OSError:
        return False


def _removed(path: Path) -> bool:
    try:
        with _locked(path):
            shutil.rmtree(path, ignore_errors=True)
    except OSError:  # its process is at work, or another call has just removed it
        return False
    return not path.exists()


@contextmanager
def partial_folder(directory: Path, stamp: datetime) -> Iterator[Path]:
    """Give an empty folder under a temporary name; whatever fails inside, it goes.

    ``directory`` is made if it is missing. Raises OSError if it cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f".{_name(stamp)}.{secrets.token_hex(4)}{PARTIAL}"
    # It gets its lock before the name by which others look for abandoned folders.
    unnamed = path.with_suffix("")
    unnamed.mkdir(mode=0o700)
    with _locked(unnamed):
        unnamed.rename(path)
        try:
            yield path
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on ``folder``. Raises OSError if another process has it."""
    with _opened(folder, os.O_NOFOLLOW) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def _opened(folder: Path, flags: int = 0) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        yield handle
    finally:
        os.close(handle)


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
    with _opened(folder) as handle:
        os.fsync(handle)
