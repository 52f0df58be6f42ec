"""Writing the report's files, private to the user: they hold personal data."""

import os
from pathlib import Path

from contacts.restructuring.report import Report, report_lines, text


def write_report(report: Report, directory: Path) -> Path:
    """Write ``migration_report_TIMESTAMP.txt`` into ``directory`` and return its path.

    The time is the start of the run, in UTC. Raises OSError if it cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _free_path(directory, f"migration_report_{report.started:%Y%m%d_%H%M%S}", ".txt")
    write_private(path, text(report_lines(report)))
    return path


def write_private(path: Path, content: str) -> None:
    """Write a new file that only its owner can read. Raises FileExistsError if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _free_path(directory: Path, stem: str, suffix: str) -> Path:
    path = directory / f"{stem}{suffix}"
    number = 2
    while path.exists():
        path = directory / f"{stem}_{number}{suffix}"
        number += 1
    return path
