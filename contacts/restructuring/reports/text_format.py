"""The report as text: for the terminal, and for the file that is handed on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from contacts.restructuring.checks.base import Finding, Result
from contacts.restructuring.console.lines import Line, heading, plain_text
from contacts.restructuring.reports.next_steps import next_steps
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.results import (
    FIRST_COMPANIES,
    first_of,
    result_lines,
    statistics_lines,
)
from contacts.restructuring.reports.runbook import runbook
from jmsk.wording import counted, mebibytes, moment


def report_text(report: Report) -> str:
    """Return the whole report as plain text."""
    return plain_text(report_lines(report))


def report_lines(report: Report) -> list[Line]:
    """Return the whole report, as it is written to the text file. Nothing stands in it twice."""
    lines = [*heading(report.title), Line(report.outcome), *_error(report), Line()]
    lines += _circumstances(report)
    steps = list(_next_steps(report))
    if steps:
        lines += [*heading("NEXT STEPS"), *steps]
    for title, results in zip(_titles(report), (_not_repeated(report), report.after), strict=True):
        if results:
            lines += [*heading(title), *result_lines(results)]
    left = unsettled_lines(report)
    if report.statistics:
        numbers = statistics_lines(report.statistics, placements=not left)
        lines += [*heading("BEFORE"), *numbers]
    if left:
        lines += [*heading("LEFT TO SETTLE"), *left]
    if report.locked_seconds or report.seconds:
        lines += [*heading("COST"), *forecast_lines(report)]
    lines += _table("COUNTS", _counts(report))
    lines += _fingerprints(report)
    lines += settings_lines(report.settings)
    return [*lines, *heading("RUNBOOK"), *_runbook(report)]


def _titles(report: Report) -> tuple[str, str]:
    if report.mode in ("migration", "rehearsal", "verification"):
        return "PRE-MIGRATION VALIDATION CHECKS", "POST-MIGRATION VERIFICATION CHECKS"
    mode = report.mode.upper()
    return f"CHECKS BEFORE THE {mode}", f"CHECKS AFTER THE {mode}"


def _not_repeated(report: Report) -> list[Result]:
    """Return the checks before, without the rows that the same check names again afterwards."""
    after = {result.id: result for result in report.after}
    return [
        replace(result, finding=Finding(count, note=f"{count:,} found, named below"), hint="")
        if (count := result.finding.count)
        and result.id in after
        and count == after[result.id].finding.count
        and result.status is after[result.id].status
        else result
        for result in report.before
    ]


def _counts(report: Report) -> dict[str, str]:
    """Return the counts that are not told already, each of which is any."""
    told = report.statistics.rows if report.statistics else {}
    return {
        name: f"{number:,}"
        for name, number in report.counts.items()
        if number and told.get(name) != number
    }


def _fingerprints(report: Report) -> list[Line]:
    before, after = report.fingerprints_before, report.fingerprints_after
    if before == after:
        return _table("FINGERPRINTS, EQUAL BEFORE AND AFTER", after)
    return [*_table("FINGERPRINTS BEFORE", before), *_table("FINGERPRINTS AFTER", after)]


def _next_steps(report: Report) -> Iterator[Line]:
    for number, step in enumerate(next_steps(report), 1):
        yield Line(f"  {number}. {step.text}")
        yield from (Line(f"     {command}", verbatim=True) for command in step.commands)


def forecast_lines(report: Report) -> list[Line]:
    """Return what a run cost: time under locks, the locks themselves, steps, and space."""
    lines = []
    if report.locked_seconds:
        lines.append(Line(f"  readers and writers locked out: {report.locked_seconds:,.2f} s"))
    lines += [
        Line(f"  lock on {lock.table}: {lock.mode} for {lock.seconds:,.2f} s")
        for lock in report.locks
    ]
    lines += [Line(f"  step {name}: {took:,.2f} s") for name, took in report.seconds.items()]
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
        tenants = counted(len(companies), "tenant")
        lines.append(Line(f"  in all {tenants}: {_left(contacts, orders)}"))
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
    yield Line(f"Run by: {report.operator}")
    yield Line(f"Started: {moment(report.started)}")
    yield Line(f"Finished: {moment(report.ended)}")
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
