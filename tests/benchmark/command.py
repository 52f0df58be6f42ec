"""A: the command, in a process of its own, and its parts from its own report."""

import json
from pathlib import Path
from typing import Any

from tests.benchmark.programs import Ran, manage
from tests.support.database.databases import Database

PARTS = (
    "checks",
    "backup",
    "locks",
    "fingerprint before",
    "migrate",
    "analyze",
    "fingerprint after",
    "verify",
)
"""The steps of a full run, as its report names them, none inside another."""

Seconds = dict[str, float]


def call(database: Database, folder: Path, *flags: str) -> tuple[Ran, dict[str, Any]]:
    """Run ``migrate_contacts`` without questions; return the run and its report.

    Parameters: folder, where its backup and its reports go.
    """
    flags = ("migrate_contacts", *flags, "--noinput", "--format=json", f"--backup-dir={folder}")
    ran = manage(database.url, *flags, folder=folder)
    return ran, json.loads(ran.output)


def full_run(database: Database, folder: Path) -> tuple[Seconds, Path]:
    """Do a full run; return its seconds by name (``memory`` is MiB), and where its backup lies."""
    ran, report = call(database, folder)
    parts = {name: float(report["seconds"].get(name, 0.0)) for name in PARTS}
    seconds = {
        "command": ran.seconds,
        "locked out": float(report["locked_seconds"]),
        **parts,
        "start-up, locking, report": ran.seconds - sum(parts.values()),
        "memory": ran.memory,
    }
    return seconds, Path(report["backup_path"])


def timed(database: Database, folder: Path, *flags: str) -> float:
    """Run ``migrate_contacts`` in another mode; return its seconds, start-up included."""
    return call(database, folder, *flags)[0].seconds
