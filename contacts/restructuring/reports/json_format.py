"""The report as JSON, for programs. Its form is described by ``report_schema.json``.

``format_version`` grows by one when a field goes or changes its meaning; a field that is added does
not change it. Times are ISO 8601 in UTC, durations seconds, sizes bytes.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from contacts.restructuring.checks.base import Result
from contacts.restructuring.database.recorder import Statement
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.reports.report import Report

FORMAT_VERSION = 1
SCHEMA = Path(__file__).with_name("report_schema.json")


@cache
def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the report."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def report_json(report: Report) -> str:
    """Return the report as one JSON document."""
    return json.dumps(as_values(report), indent=2, ensure_ascii=True) + "\n"


def as_values(report: Report) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "format_version": FORMAT_VERSION,
        "mode": report.mode,
        "outcome": report.outcome,
        "succeeded": report.succeeded,
        "exit_code": report.exit_code,
        "error": report.error or None,
        "error_code": report.error_code or None,
        "failed_step": report.failed_step or None,
        "database": _database(report),
        "operator": report.operator,
        "stage": report.stage and str(report.stage),
        "started": _moment(report.started),
        "finished": _moment(report.ended),
        "checks_before": _checks(report.before),
        "checks_after": _checks(report.after),
        "statistics": report.statistics.as_dict() if report.statistics else None,
        "forecast": report.forecast.as_dict() if report.forecast else None,
        "counts": report.counts,
        "left_to_settle": {
            "default_companies": [vars(company) for company in report.default_companies],
            "emails_set_aside": report.counts.get("emails_set_aside", 0),
            "pending_rules": report.pending_rules,
        },
        "fingerprints": {
            "before": _fingerprints(report.fingerprints_before),
            "after": _fingerprints(report.fingerprints_after),
        },
        "seconds": {name: round(took, 3) for name, took in report.seconds.items()},
        "locked_seconds": round(report.locked_seconds, 3),
        "locks": [
            {"table": lock.table, "mode": lock.mode, "seconds": round(lock.seconds, 3)}
            for lock in report.locks
        ],
        "space": vars(report.space) if report.space else None,
        "settings": report.settings,
        "recovery_point": vars(report.recovery_point) if report.recovery_point else None,
        "backup_path": report.backup_path or None,
        "reports": [str(path) for path in report.files],
        "notes": list(report.notes),
        "sql": [_statement(item) for item in report.sql] or None,
        "status": report.overview.as_dict() if report.overview else None,
    }


def _database(report: Report) -> dict[str, str] | None:
    if report.database is None:
        return None
    return {"alias": report.alias, **vars(report.database)}


def _checks(results: Iterable[Result]) -> list[dict[str, Any]]:
    return [result.as_dict() for result in results]


def _statement(statement: Statement) -> dict[str, Any]:
    locks = [{"table": table, "mode": mode} for table, mode in statement.locks]
    return {**vars(statement), "locks": locks}


def _fingerprints(fingerprints: Mapping[str, Fingerprint]) -> dict[str, dict[str, Any]]:
    return {name: vars(item) for name, item in fingerprints.items()}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
