"""Folders for servers that tests start: in memory where there is room."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # of mkdtemp, which makes a folder that nobody else has
ROOM = 2**30
"""How many bytes have to be free there; a quarter of them WAL may take."""


def make_server_folder(prefix: str) -> Path:
    """Return a new folder, which the caller removes.

    A database is some 300 small files: to make and drop one takes a tenth of the time in memory.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if _fits() else None))
    folder.chmod(0o711)  # run by root, the server is another user and must get through
    return folder


def _fits() -> bool:
    """Whether there is room in memory, and programs may run that are copied beside the data."""
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free > ROOM
