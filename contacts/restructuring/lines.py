"""Lines of output: the words in which results are told, on a terminal and in the text report.

A line knows how important it is and how it may be styled, not where it goes: the console chooses by
verbosity, and the terminal wraps, colours and spells it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contacts.restructuring.checks import Result, Status
from contacts.restructuring.statistics import Statistics
from contacts.restructuring.terminal import LINE_BREAKS, printable
from jmsk.wording import counted

WIDTH = 60
MARKS = {Status.PASSED: "✓", Status.WARNING: "⚠", Status.FAILED: "✗"}
STYLES = {Status.PASSED: "SUCCESS", Status.WARNING: "WARNING", Status.FAILED: "ERROR"}
NORMAL, DETAILED, EVERYTHING = 1, 2, 3
"""Levels of verbosity, Django's numbers."""


@dataclass(frozen=True)
class Line:
    """A line of output.

    ``style`` is the name of one of Django's terminal styles, or ''. ``level`` is the verbosity from
    which on it is shown. A ``verbatim`` line is to be pasted somewhere: it is never wrapped.
    """

    text: str = ""
    style: str = ""
    level: int = NORMAL
    verbatim: bool = False


def one_line(line: Line) -> str:
    """Return the text of ``line``, which stays one line whatever name is in it."""
    return printable(line.text, LINE_BREAKS)


def heading(title: str, style: str = "MIGRATE_HEADING") -> list[Line]:
    """Return a section's title between two rules."""
    rule = Line("=" * WIDTH, style)
    return [Line(), rule, Line(title, style), rule, Line()]


def banner(title: str, text: str) -> list[Line]:
    """Return the closing lines of a section that went well."""
    rule = Line("=" * WIDTH, "SUCCESS")
    told = [Line(f"  {line}", "SUCCESS") for line in text.splitlines()]
    return [Line(), rule, Line(title, "SUCCESS"), *told, rule]


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
    note = finding.note or f"{finding.count} found"
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


def statistics_lines(statistics: Statistics) -> list[Line]:
    """Return the numbers of what a migration moves."""
    lines = [
        Line(f"  {name}: {counted(number, 'row')}") for name, number in statistics.rows.items()
    ]
    lines.append(Line(f"  size of the tables: {mebibytes(statistics.size)}"))
    for placement in statistics.placements:
        what = "the existing" if placement.exists else "a new"
        lines.append(
            Line(
                f"  - tenant {placement.tenant_id} ({placement.tenant}): "
                f"{counted(placement.customers, 'customer')} and "
                f"{counted(placement.orders, 'order')} go to {what} Default Company"
            )
        )
    return lines


def mebibytes(size: int) -> str:
    """Say a number of bytes for people."""
    return f"{size / 2**20:,.1f} MiB"


def plain_text(lines: Iterable[Line]) -> str:
    """Return all that ``lines`` can tell, as plain text."""
    return "\n".join(printable(one_line(line)) for line in lines) + "\n"
