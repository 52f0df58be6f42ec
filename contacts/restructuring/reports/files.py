"""Writing the report's files, private to the user: they hold personal data."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contacts.restructuring.reports.html_format import report_html
from contacts.restructuring.reports.json_format import report_json
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.text_format import report_text

FORMATS: dict[str, Callable[[Report], str]] = {
    ".txt": report_text,
    ".json": report_json,
    ".html": report_html,
}


@dataclass(frozen=True)
class Written:
    """The ``paths`` of the files that were written, and a sentence for each that was not."""

    paths: tuple[Path, ...]
    failures: tuple[str, ...]


def write_reports(report: Report, directory: Path) -> Written:
    """Write ``migration_report_TIMESTAMP`` as text, JSON and HTML into ``directory``.

    The time is the start of the call, in UTC. What fails for one file does not touch the others.
    """
    paths, failures = [], []
    try:
        stem = _free_stem(directory, f"migration_report_{report.started:%Y%m%d_%H%M%S}")
    except OSError as error:
        return Written((), (f"The reports could not be written to {directory}: {error}",))
    for suffix, render in FORMATS.items():
        path = directory / f"{stem}{suffix}"
        try:
            write_private(path, render(report))
        except Exception as error:  # noqa: BLE001  # the run is done: the other files must come
            failures.append(f"{path} could not be written: {type(error).__name__}: {error}")
        else:
            paths.append(path)
    return Written(tuple(paths), tuple(failures))


def write_private(path: Path, content: str) -> None:
    """Write a new file that only its owner can read; no half of one stays.

    Raises FileExistsError if it is there, OSError if it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _free_stem(directory: Path, wanted: str) -> str:
    """Return ``wanted``, numbered if a report of this second is there. The directory is made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem, number = wanted, 2
    while any((directory / f"{stem}{suffix}").exists() for suffix in FORMATS):
        stem, number = f"{wanted}_{number}", number + 1
    return stem
