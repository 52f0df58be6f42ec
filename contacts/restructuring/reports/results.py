"""The results of checks and the statistics, in lines of text."""

from collections.abc import Iterable

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks.base import Result, Status
from contacts.restructuring.console.lines import DETAILED, NORMAL, Line, mebibytes
from contacts.restructuring.state.statistics import Statistics
from jmsk.wording import counted

MARKS = {Status.PASSED: "✓", Status.WARNING: "⚠", Status.FAILED: "✗"}
STYLES = {Status.PASSED: "SUCCESS", Status.WARNING: "WARNING", Status.FAILED: "ERROR"}


def result_lines(results: Iterable[Result]) -> list[Line]:
    """Return the results of checks: one line where all is well, else the rows and what to do."""
    lines: list[Line] = []
    for result in results:
        lines += _passed(result) if result.status is Status.PASSED else _problem(result)
    return lines


def _passed(result: Result) -> list[Line]:
    note = f": {result.finding.note}" if result.finding.note else ""
    return [Line(f"✓ {result.title}... PASSED{note}", "SUCCESS")]


def _problem(result: Result) -> list[Line]:
    finding, style, mark = result.finding, STYLES[result.status], MARKS[result.status]
    note = finding.note or f"{finding.count:,} found"
    lines = [Line(f"{mark} {result.title}...", style)]
    lines.append(Line(f"  {mark} {result.status.upper()}: {note}", style))
    lines += [Line(f"    - {sentence}") for sentence in finding.sentences]
    more = finding.count - len(finding.sentences)
    if more > 0:
        lines.append(Line(f"    … and {more:,} more"))
    if finding.query:
        level = NORMAL if more > 0 else DETAILED
        lines.append(Line(f"    All of them: {finding.query};", level=level, verbatim=True))
    if result.hint:
        lines.append(Line(f"    → {result.hint}"))
    return lines


def statistics_lines(statistics: Statistics, *, placements: bool = True) -> list[Line]:
    """Return the numbers of what a migration moves; with ``placements`` those of each tenant."""
    lines = [
        Line(f"  {name}: {counted(number, 'row')}") for name, number in statistics.rows.items()
    ]
    lines.append(Line(f"  size of the tables: {mebibytes(statistics.size)}"))
    for placement in statistics.placements if placements else ():
        what = "the existing" if placement.exists else "a new"
        lines.append(
            Line(
                f"  - tenant {placement.tenant_id} ({placement.tenant}): "
                f"{counted(placement.customers, 'customer')} and "
                f"{counted(placement.orders, 'order')} go to {what} {DEFAULT_COMPANY}"
            )
        )
    return lines
