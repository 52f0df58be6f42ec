"""A report of a run that never was."""

from datetime import UTC, datetime
from typing import Any

from contacts.restructuring.database.identity import Database
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.reports.report import Report

NOW = datetime(2026, 1, 23, 14, 30, 22, tzinfo=UTC)
PLACE = Database("shop", "db.example:5432", "owner", "16.9", "1.0.0")


def report(**fields: Any) -> Report:
    """Return a report of a migration that went well, but for ``fields``."""
    values: dict[str, Any] = {
        "mode": "migration",
        "succeeded": True,
        "stage": Stage.MIGRATED,
        "changes": True,
    }
    values |= {"database": PLACE, "started": NOW, "finished": NOW, **fields}
    return Report(leads_back=values["mode"] in ("rollback", "restore", "recovery"), **values)
