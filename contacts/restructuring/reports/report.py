"""The report of a call: what a person or a program needs to know about it afterwards.

It is filled in while the call goes on, so that however the call ends, this much can be said.
``text_format``, ``json_format`` and ``html_format`` turn it into words.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from contacts.restructuring.checks.base import Result, Tag
from contacts.restructuring.database.costs import Space, TableLock
from contacts.restructuring.database.identity import Database, operating_system_user
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.recorder import Statement
from contacts.restructuring.database.transaction import RecoveryPoint
from contacts.restructuring.preparation.forecast import Forecast
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.reports.overview import Overview
from contacts.restructuring.state.statistics import Statistics
from contacts.restructuring.state.unsettled import DefaultCompany

AFTER_COMMIT = "after COMMIT"
"""The step at which a call failed whose run was committed."""


@dataclass
class Report:
    """Everything that is known about a call.

    ``mode`` is the mode's name; ``changes`` says that the mode changes the database, ``leads_back``
    that it leads back to a former state. ``outcome`` says in one sentence how it ended.

    ``stage`` is the database's at the end; ``database`` and ``stage`` are None where it could not
    be reached. ``operator`` is the system's user who ran it.
    ``error`` is what stopped the call, ``error_code`` its code, ``failed_step`` where.
    ``seconds`` are by step, in the order of their ends; ``locked_seconds`` is how long readers and
    writers were kept out. ``backup_stage`` is the stage of the tables in the backup at
    ``backup_path``. ``still_in_defaults`` are the default companies with what is left in them,
    where that was counted. ``waiting_rules`` maps each check rule that is not in the database to
    the number of rows that break it, where that was asked; ``files`` are the written reports,
    ``sql`` the statements of the transaction, ``overview`` what there is to know of the database,
    where these were asked for.
    """

    mode: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    changes: bool = False
    leads_back: bool = False
    finished: datetime | None = None
    outcome: str = "Done."
    succeeded: bool = False
    exit_code: int = 0
    error: str = ""
    error_code: str = ""
    failed_step: str = ""
    database: Database | None = None
    alias: str = "default"
    operator: str = field(default_factory=operating_system_user)
    stage: Stage | None = None
    before: tuple[Result, ...] = ()
    after: tuple[Result, ...] = ()
    statistics: Statistics | None = None
    forecast: Forecast | None = None
    counts: dict[str, int] = field(default_factory=dict)
    still_in_defaults: tuple[DefaultCompany, ...] = ()
    waiting_rules: dict[str, int] | None = None
    fingerprints_before: dict[str, Fingerprint] = field(default_factory=dict)
    fingerprints_after: dict[str, Fingerprint] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    recovery_point: RecoveryPoint | None = None
    backup_path: str = ""
    backup_stage: Stage | None = None
    locks: tuple[TableLock, ...] = ()
    locked_seconds: float = 0.0
    space: Space | None = None
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    sql: tuple[Statement, ...] = ()
    overview: Overview | None = None

    @property
    def title(self) -> str:
        """The report's title."""
        return f"MIGRATION REPORT ({self.mode})"

    @property
    def ended(self) -> datetime:
        """When the call ended; of one that goes on, now."""
        return self.finished or datetime.now(UTC)

    @property
    def pending_rules(self) -> dict[str, int]:
        """The check rules that rows break, with their number."""
        if self.waiting_rules is not None:
            return self.waiting_rules
        return {
            # Without a query there are no rows: the rule was left pending from the start.
            result.id: result.finding.count if result.finding.query else 0
            for result in self.after
            if Tag.FORMAT_RULE in result.tags and result.finding.count
        }

    @property
    def default_companies(self) -> tuple[DefaultCompany, ...]:
        """The default companies with what is in them. What did not succeed has placed nothing."""
        if self.still_in_defaults or not self.succeeded or self.statistics is None:
            return self.still_in_defaults
        return tuple(
            DefaultCompany(
                item.tenant_id, item.tenant, item.customers, item.orders, not item.exists
            )
            for item in self.statistics.placements
        )
