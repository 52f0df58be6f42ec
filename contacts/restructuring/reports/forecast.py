"""How long each step took last time on the same database: what tells the time left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.models import RestructuringRun
from contacts.restructuring.database.settings import set_local
from contacts.restructuring.reports.report import Report

REHEARSALS = {"migration": ("rehearsal", "migration"), "rehearsal": ("rehearsal", "migration")}
"""By mode: those whose steps are the same. Of another mode, only its own."""
MOST_REPORTS = 50
"""So many of the newest reports are looked into."""


def seconds_by_step(
    connection: BaseDatabaseWrapper, report: Report, directory: Path
) -> dict[str, float]:
    """Return how long each step took when the mode was last run, or rehearsed, on this database.

    It is read from the reports in ``directory``, or else from the runs' rows; {} where neither
    knows.
    """
    modes = REHEARSALS.get(report.mode, (report.mode,))
    for found in _reports(directory):
        database = found.get("database") or {}
        same = report.database and (database.get("name"), database.get("host")) == (
            report.database.name,
            report.database.host,
        )
        if same and found.get("succeeded") and found.get("mode") in modes:
            return dict(found["seconds"])
    return _of_runs(connection, report.mode)


def _reports(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the reports, the newest first; a damaged one is no reason to stop a run."""
    files = sorted(directory.glob("migration_report_*.json"), reverse=True)
    for file in files[:MOST_REPORTS]:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and isinstance(found.get("seconds"), dict):
            yield found


def _of_runs(connection: BaseDatabaseWrapper, kind: str) -> dict[str, float]:
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            set_local(cursor, {"lock_timeout": "100ms"})
            if RestructuringRun._meta.db_table not in connection.introspection.table_names(cursor):
                return {}
            runs = RestructuringRun.objects.using(connection.alias).filter(kind=kind)
            return dict(runs.values_list("durations", flat=True).first() or {})
    except DatabaseError:  # it may not read them, or somebody holds them: it goes without
        return {}
