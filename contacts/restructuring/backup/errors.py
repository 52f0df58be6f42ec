"""What can go wrong with a backup, in words that say what to do next."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError

from contacts.restructuring.failures import Failure
from jmsk.postgres.server_errors import server_words
from jmsk.wording import mebibytes


@contextmanager
def explained(folder: Path, table_bytes: int = 0) -> Iterator[None]:
    """Turn what can go wrong while writing into a Failure that says what to do.

    Parameters: ``folder``, where the backup goes; ``table_bytes``, the tables' size, 0 if unknown.
    """
    try:
        yield
    except OSError as error:
        raise Failure(
            "MC401",
            f"The backup could not be written to {folder}: {error.strerror or error}. Nothing was "
            f"changed, and no half backup is left. {_space(folder, table_bytes)} Make room or name "
            "another directory with --backup-dir, then run again.",
        ) from error
    except ValueError as error:
        raise Failure(
            "MC402",
            f"The backup could not be verified: {error}. Nothing was changed, and the backup was "
            f"removed. The disk of {folder} may be failing: name another directory with "
            "--backup-dir, then run again.",
        ) from error


@contextmanager
def readable() -> Iterator[None]:
    """Turn what the server refuses into a Failure."""
    try:
        yield
    except DatabaseError as error:
        raise Failure(
            "MC403",
            f"The tables could not be read for the backup: {server_words(error)}. Nothing was "
            "changed, and no half backup is left. Put that right, then run again.",
        ) from error


def _space(folder: Path, table_bytes: int) -> str:
    whole = folder.absolute()
    existing = next(path for path in (whole, *whole.parents) if path.exists())
    free = f"{mebibytes(shutil.disk_usage(existing).free)} are free there"
    if not table_bytes:
        return f"{free}."
    return (
        f"{free}; the tables take {mebibytes(table_bytes)} in the database, a backup about a third "
        "of that."
    )
