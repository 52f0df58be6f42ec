"""The report as text: for the terminal, and for the file that is handed on."""

from collections.abc import Iterable, Mapping

from contacts.restructuring.console.lines import Line, heading, mebibytes, plain_text
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.results import (
    FIRST_COMPANIES,
    first_of,
    result_lines,
    statistics_lines,
)
from contacts.restructuring.reports.runbook import runbook
from jmsk.wording import counted


def report_text(report: Report) -> str:
    """Return the whole report as plain text."""
    return plain_text(report_lines(report))


def report_lines(report: Report) -> list[Line]:
    """Return the whole report, as it is written to the text file."""
    lines = [*heading(report.title), Line(report.outcome), *_error(report), Line()]
    lines += _circumstances(report)
    for title, results in (
        ("PRE-MIGRATION VALIDATION CHECKS", report.before),
        ("POST-MIGRATION VERIFICATION CHECKS", report.after),
    ):
        if results:
            lines += [*heading(title), *result_lines(results)]
    if report.statistics:
        lines += [*heading("STATISTICS"), *statistics_lines(report.statistics)]
    left = unsettled_lines(report)
    if left:
        lines += [*heading("LEFT TO SETTLE"), *left]
    if report.locks:
        lines += [*heading("COST"), *forecast_lines(report)]
    lines += _table("COUNTS", report.counts)
    lines += _table("FINGERPRINTS BEFORE", report.fingerprints_before)
    lines += _table("FINGERPRINTS AFTER", report.fingerprints_after)
    lines += _table("SECONDS", {name: f"{took:.3f}" for name, took in report.seconds.items()})
    lines += _table("SETTINGS IN FORCE", report.settings)
    return [*lines, *heading("RUNBOOK"), *_runbook(report)]


def forecast_lines(report: Report) -> list[Line]:
    """Return what a run cost: time under locks, the locks themselves, steps, and space."""
    lines = [Line(f"  readers and writers locked out: {report.locked_seconds:.2f} s")]
    lines += [
        Line(f"  lock on {lock.table}: {lock.mode} for {lock.seconds:.2f} s")
        for lock in report.locks
    ]
    lines += [Line(f"  step {name}: {took:.2f} s") for name, took in report.seconds.items()]
    if report.space:
        before, after = mebibytes(report.space.before), mebibytes(report.space.after)
        lines.append(Line(f"  tables: {before} before, {after} after"))
        lines.append(Line(f"  WAL written meanwhile: {mebibytes(report.space.wal)}"))
    return lines


def unsettled_lines(report: Report) -> list[Line]:
    """Return what a person has to settle afterwards; nothing, where nothing is left."""
    companies = [item for item in report.default_companies if item.contacts or item.orders]
    lines = first_of(
        f"  tenant {item.tenant_id} ({item.tenant}): {_left(item.contacts, item.orders)} in its "
        "default company"
        for item in companies
    )
    if len(companies) > FIRST_COMPANIES:
        contacts = sum(item.contacts for item in companies)
        orders = sum(item.orders for item in companies)
        lines.append(Line(f"  in all {len(companies):,} tenants: {_left(contacts, orders)}"))
    emails = report.counts.get("emails_set_aside", 0)
    if emails:
        lines.append(Line(f"  set aside as duplicates: {counted(emails, 'e-mail')}"))
    lines += [
        Line(f"  {rule} is pending: broken by {counted(count, 'row') if count else 'no row'}")
        for rule, count in report.pending_rules.items()
    ]
    return lines


def _left(contacts: int, orders: int) -> str:
    return f"{counted(contacts, 'contact')} and {counted(orders, 'order')} without a contact"


def settings_lines(settings: Mapping[str, str]) -> list[Line]:
    """Return the settings that were in force."""
    return _table("SETTINGS IN FORCE", settings)


def _error(report: Report) -> list[Line]:
    if not report.error:
        return []
    where = f" at the step '{report.failed_step}'" if report.failed_step else ""
    return [Line(), Line(f"It stopped{where}: {report.error}")]


def _circumstances(report: Report) -> Iterable[Line]:
    yield Line(f"Database: {report.database or 'not reached'}")
    yield Line(f"Stage: {report.stage or 'not known'}")
    yield Line(f"Started: {report.started:%Y-%m-%d %H:%M:%S} UTC")
    yield Line(f"Finished: {report.ended:%Y-%m-%d %H:%M:%S} UTC")
    if report.database:
        yield Line(
            f"Versions: jmsk {report.database.tool_version}, Django "
            f"{report.database.django_version}, Python {report.database.python_version}"
        )
    yield Line(f"Backup: {report.backup_path or 'none'}", verbatim=True)
    if report.recovery_point:
        point = report.recovery_point
        yield Line(
            f"Recovery point: {point.time}, WAL {point.wal_position}, transaction "
            f"{point.transaction_id} (under the lock, before the first change)"
        )
    for note in report.notes:
        yield Line(f"Note: {note}")


def _runbook(report: Report) -> Iterable[Line]:
    for entry in runbook(report):
        if entry.happened:
            yield Line("THIS IS WHAT HAPPENED:")
        yield Line(f"If {entry.event}")
        yield Line(f"  state: {entry.state}")
        yield Line(f"  do:    {entry.advice}")
        for command in entry.commands:
            yield Line(f"         {command}", verbatim=True)
        yield Line()


def _table(title: str, values: Mapping[str, object]) -> list[Line]:
    if not values:
        return []
    return [*heading(title), *(Line(f"  {name}: {value}") for name, value in values.items())]
