"""The report of a call: what a person or a program needs to know about it afterwards.

This module gathers it; ``report_text``, ``report_json`` and ``report_html`` turn it into words, and
only the command and the report's files take these anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contacts.restructuring.checks.base import Result, Tag
from contacts.restructuring.database.costs import Space, TableLock
from contacts.restructuring.database.identity import Database
from contacts.restructuring.database.transaction import RecoveryPoint
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.state.statistics import Statistics
from contacts.restructuring.state.unsettled import DefaultCompany


@dataclass(frozen=True)
class Report:
    """Everything that is known about a call. ``outcome`` says in one sentence how it ended.

    ``stage`` is the database's at the end; ``database`` and ``stage`` are None where it could not
    be reached. ``error`` is what stopped the call, ``failed_step`` where. ``seconds`` are by step,
    in the order of their ends; ``locked_seconds`` is how long readers and writers were kept out.
    ``backup_stage`` is the stage of the tables in the backup at ``backup_path``.
    ``defaults`` are the default companies with what they got; ``pending_rules`` maps each check
    rule that is not in the database to the number of rows that break it.
    """

    mode: str
    outcome: str
    succeeded: bool
    database: Database | None
    stage: str | None
    started: datetime
    finished: datetime
    alias: str = "default"
    exit_code: int = 0
    error: str = ""
    failed_step: str = ""
    before: tuple[Result, ...] = ()
    after: tuple[Result, ...] = ()
    statistics: Statistics | None = None
    counts: dict[str, int] = field(default_factory=dict)
    defaults: tuple[DefaultCompany, ...] = ()
    pending_rules: dict[str, int] = field(default_factory=dict)
    fingerprints_before: dict[str, Fingerprint] = field(default_factory=dict)
    fingerprints_after: dict[str, Fingerprint] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    recovery_point: RecoveryPoint | None = None
    backup_path: str = ""
    backup_stage: str = ""
    locks: tuple[TableLock, ...] = ()
    locked_seconds: float = 0.0
    space: Space | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The report's title."""
        return f"MIGRATION REPORT ({self.mode})"


@dataclass
class ReportDraft:
    """What is known so far. However a call ends, this much can be told.

    ``known`` are fields of the report; ``report`` is the finished one, once the mode has made it;
    ``files`` are those in which it was written.
    """

    known: dict[str, Any] = field(default_factory=dict)
    report: Report | None = None
    files: tuple[Path, ...] = ()

    def note(self, **fields: Any) -> None:
        """Keep ``fields`` of the report that are known now."""
        self.known.update(fields)

    def finish(self, mode: str, outcome: str, **fields: Any) -> Report:
        """Return the report: what was noted, and ``fields`` over it."""
        values = {"finished": datetime.now(UTC), **self.known, **fields}
        values.pop("outcome", None)
        values.setdefault("pending_rules", pending_rules(values.get("after", ())))
        # What did not succeed has placed nothing.
        statistics = values.get("statistics") if values.get("succeeded") else None
        values.setdefault("defaults", placed(statistics))
        self.report = Report(mode=mode, outcome=outcome, **values)
        return self.report


def pending_rules(results: Sequence[Result]) -> dict[str, int]:
    """Return the check rules that rows break, with their number, from the checks after a run."""
    return {
        result.id: result.finding.count
        for result in results
        if Tag.FORMAT_RULE in result.tags and result.finding.count
    }


def placed(statistics: Statistics | None) -> tuple[DefaultCompany, ...]:
    """Return the default companies that a migration uses, from what was counted before it."""
    if statistics is None:
        return ()
    return tuple(
        DefaultCompany(item.tenant_id, item.tenant, item.customers, item.orders, not item.exists)
        for item in statistics.placements
    )
