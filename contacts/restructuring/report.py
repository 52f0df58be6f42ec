"""The report of a run: what a person or a program needs to know about it afterwards.

Only this module and its formats turn results into words; only the command prints them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from contacts.restructuring.checks import Result, Status
from contacts.restructuring.fingerprint import Fingerprint
from contacts.restructuring.observation import Space, TableLock
from contacts.restructuring.session import Database
from contacts.restructuring.statistics import Statistics
from contacts.restructuring.transaction import RecoveryPoint

WIDTH = 60
MARKS = {Status.PASSED: "✓", Status.WARNING: "⚠", Status.FAILED: "✗"}
STYLES = {Status.PASSED: "SUCCESS", Status.WARNING: "WARNING", Status.FAILED: "ERROR"}
NEXT_STEPS = (
    "Review the migration report above",
    "Test the application with the new schema",
    "Update API endpoints to use 'contact' terminology",
    "Update frontend to use 'Contact' instead of 'Client'",
    "Settle in the admin what was placed in default companies or set aside",
)


@dataclass(frozen=True)
class Line:
    """A line of output. ``style`` is the name of one of Django's terminal styles, or ''."""

    text: str = ""
    style: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that is known about a run. ``outcome`` says in one sentence how it ended."""

    mode: str
    outcome: str
    succeeded: bool
    database: Database
    stage: str
    started: datetime
    finished: datetime
    before: tuple[Result, ...] = ()
    after: tuple[Result, ...] = ()
    statistics: Statistics | None = None
    counts: dict[str, int] = field(default_factory=dict)
    fingerprints_before: dict[str, Fingerprint] = field(default_factory=dict)
    fingerprints_after: dict[str, Fingerprint] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    recovery_point: RecoveryPoint | None = None
    backup_path: str = ""
    locks: tuple[TableLock, ...] = ()
    locked_seconds: float = 0.0
    space: Space | None = None
    notes: tuple[str, ...] = ()


def heading(title: str, style: str = "MIGRATE_HEADING") -> list[Line]:
    """Return a section's title between two rules."""
    rule = Line("=" * WIDTH, style)
    return [Line(), rule, Line(title, style), rule, Line()]


def banner(title: str, text: str) -> list[Line]:
    """Return the closing lines of a section that went well."""
    rule = Line("=" * WIDTH, "SUCCESS")
    told = [Line(f"  {line}", "SUCCESS") for line in text.splitlines()]
    return [Line(), rule, Line(title, "SUCCESS"), *told, rule]


def forecast_lines(report: Report) -> list[Line]:
    """Return what a run cost: time under locks, the locks themselves, steps, and space."""
    lines = [Line(f"  readers and writers locked out: {report.locked_seconds:.2f} s")]
    lines += [
        Line(f"  lock on {lock.table}: {lock.mode} for {lock.seconds:.2f} s")
        for lock in report.locks
    ]
    lines += [Line(f"  step {name}: {took:.2f} s") for name, took in report.seconds.items()]
    if report.space:
        before, after = report.space.before / 2**20, report.space.after / 2**20
        lines.append(Line(f"  tables: {before:.1f} MiB before, {after:.1f} MiB after"))
        lines.append(Line(f"  WAL written meanwhile: {report.space.wal / 2**20:.1f} MiB"))
    return lines


def result_lines(results: Iterable[Result]) -> list[Line]:
    """Return the results of checks, problems with their first rows and what to do."""
    lines: list[Line] = []
    for result in results:
        lines += _result(result)
    return lines


def _result(result: Result) -> list[Line]:
    finding, style = result.finding, STYLES[result.status]
    lines = [Line(f"{MARKS[result.status]} {result.title}...", style)]
    word = {Status.PASSED: "PASSED", Status.WARNING: "WARNING", Status.FAILED: "FAILED"}
    told = f": {finding.note}" if finding.note else ""
    if finding.count and not finding.note:
        told = f": {finding.count} found"
    lines.append(Line(f"  {MARKS[result.status]} {word[result.status]}{told}", style))
    lines += [Line(f"    - {sentence}") for sentence in finding.sentences]
    more = finding.count - len(finding.sentences)
    if more > 0:
        lines.append(Line(f"    … and {more} more"))
    if finding.query and more > 0:
        lines.append(Line(f"    All of them: {finding.query};"))
    if finding.count and result.hint:
        lines.append(Line(f"    → {result.hint}"))
    return lines


def statistics_lines(statistics: Statistics) -> list[Line]:
    """Return the numbers of what a migration moves."""
    lines = [Line(f"  {name}: {number} rows") for name, number in statistics.rows.items()]
    lines.append(Line(f"  size of the tables: {statistics.size / 2**20:.1f} MiB"))
    for placement in statistics.placements:
        what = "the existing" if placement.exists else "a new"
        lines.append(
            Line(
                f"  tenant {placement.tenant_id} ({placement.tenant}): {placement.customers} "
                f"customers and {placement.orders} orders go to {what} Default Company"
            )
        )
    return lines


def report_lines(report: Report) -> list[Line]:
    """Return the whole report, as it is written to the text file."""
    lines = [*heading(f"MIGRATION REPORT ({report.mode})"), Line(report.outcome), Line()]
    lines += [
        Line(f"Database: {report.database}"),
        Line(f"Stage: {report.stage}"),
        Line(f"Started: {report.started:%Y-%m-%d %H:%M:%S} UTC"),
        Line(f"Finished: {report.finished:%Y-%m-%d %H:%M:%S} UTC"),
        Line(
            f"Versions: jmsk {report.database.tool_version}, Django "
            f"{report.database.django_version}, Python {report.database.python_version}"
        ),
        Line(f"Backup: {report.backup_path or 'none'}"),
    ]
    if report.recovery_point:
        point = report.recovery_point
        lines.append(
            Line(
                f"Recovery point: {point.time}, WAL {point.wal_position}, transaction "
                f"{point.transaction_id} (under the lock, before the first change)"
            )
        )
    lines += [Line(f"Note: {note}") for note in report.notes]
    for title, results in (
        ("PRE-MIGRATION VALIDATION CHECKS", report.before),
        ("POST-MIGRATION VERIFICATION CHECKS", report.after),
    ):
        if results:
            lines += [*heading(title), *result_lines(results)]
    if report.statistics:
        lines += [*heading("STATISTICS"), *statistics_lines(report.statistics)]
    if report.locks:
        lines += [*heading("COST"), *forecast_lines(report)]
    lines += _table("COUNTS", report.counts)
    lines += _table("FINGERPRINTS BEFORE", report.fingerprints_before)
    lines += _table("FINGERPRINTS AFTER", report.fingerprints_after)
    lines += _table("SECONDS", {name: f"{took:.3f}" for name, took in report.seconds.items()})
    lines += _table("SETTINGS IN FORCE", report.settings)
    return lines


def _table(title: str, values: object) -> list[Line]:
    if not isinstance(values, dict) or not values:
        return []
    return [*heading(title), *(Line(f"  {name}: {value}") for name, value in values.items())]


def text(lines: list[Line]) -> str:
    """Return ``lines`` as plain text."""
    return "\n".join(line.text for line in lines) + "\n"
