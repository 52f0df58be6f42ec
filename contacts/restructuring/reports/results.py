"""The results of checks and the statistics, in lines of text."""

from collections.abc import Iterable, Sequence

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks.base import Result, Status
from contacts.restructuring.console.lines import DETAILED, NORMAL, Line
from contacts.restructuring.preparation.forecast import Forecast
from contacts.restructuring.state.statistics import Placement, Statistics
from jmsk.wording import counted, mebibytes

MARKS = {Status.PASSED: "✓", Status.WARNING: "⚠", Status.FAILED: "✗"}
FIRST_COMPANIES = 10
"""How many default companies are listed where there are many; a sum follows."""
NOTICEABLE = 0.05
"""Seconds by which one lock-out has to be shorter than another to be worth a word."""
ESTIMATED = Line(
    "  estimated from the rows and the server's present speed; --rehearse, which locks everybody "
    "out, measures it"
)
STYLES = {Status.PASSED: "SUCCESS", Status.WARNING: "WARNING", Status.FAILED: "ERROR"}


def result_lines(results: Sequence[Result], shown: Iterable[Result] = ()) -> list[Line]:
    """Return the results of checks: problems with their rows and what to do, the rest in one line.

    Those that passed have a line each at the verbosity of details. A problem that stands among the
    results ``shown`` before is named, and its rows are not told again.
    """
    told = {(result.id, result.finding) for result in shown}
    passed = [result for result in results if result.status is Status.PASSED]
    lines: list[Line] = []
    for result in results:
        if result.status is Status.PASSED:
            lines.append(_passed(result))
        elif (result.id, result.finding) in told:
            lines.append(_as_before(result))
        else:
            lines += _problem(result)
    if passed:
        lines.append(Line(f"✓ {counted(len(passed), 'check')} passed", "SUCCESS"))
    return lines


def _passed(result: Result) -> Line:
    note = f": {result.finding.note}" if result.finding.note else ""
    return Line(f"✓ {result.title}... PASSED{note}", "SUCCESS", DETAILED)


def _as_before(result: Result) -> Line:
    mark, style = MARKS[result.status], STYLES[result.status]
    return Line(f"{mark} {result.title}: {result.finding.count:,} as before, listed above", style)


def warned(results: Iterable[Result]) -> int:
    """Return how many of ``results`` are warnings."""
    return sum(result.status is Status.WARNING for result in results)


def passed_text(results: Iterable[Result]) -> str:
    """Say that no check failed, and how many warned: that is not the same as that all is well."""
    number = warned(results)
    if not number:
        return "All data integrity checks passed."
    return f"No check failed; {counted(number, 'warning')}, listed above."


def _problem(result: Result) -> list[Line]:
    finding, style, mark = result.finding, STYLES[result.status], MARKS[result.status]
    note = finding.note or f"{finding.count:,} found"
    lines = [Line(f"{mark} {result.title}...", style)]
    lines.append(Line(f"  {mark} {result.status.upper()}: {note}", style))
    lines += [Line(f"    - {sentence}") for sentence in finding.told]
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
    placed = statistics.placements if placements else ()
    lines += first_of(_placed(placement) for placement in placed)
    if len(placed) > FIRST_COMPANIES:
        customers = sum(placement.customers for placement in placed)
        orders = sum(placement.orders for placement in placed)
        lines.append(
            Line(
                f"  - in all {counted(len(placed), 'tenant')}: "
                f"{counted(customers, 'customer')} and {counted(orders, 'order')} go to "
                f"{DEFAULT_COMPANY}"
            )
        )
    return lines


def roads_lines(forecast: Forecast) -> list[Line]:
    """Return what both roads would take, side by side."""
    offline = f"  offline: locked for about {_about(forecast.offline_locked)}"
    if forecast.obstacles:
        why = "; ".join(forecast.obstacles)
        return [Line(offline), Line(f"  online: this database cannot be prepared: {why}")]
    return [
        Line(offline),
        Line(
            f"  online: prepared for about {_about(forecast.online_prepared)} beside the "
            f"application (--prepare), then {_switch(forecast, 'with --place-early')}"
        ),
        ESTIMATED,
    ]


def switch_lines(forecast: Forecast) -> list[Line]:
    """Return what the switch of a database that is prepared would take."""
    return [Line(f"  {_switch(forecast, 'after --prepare --place-early')}"), ESTIMATED]


def _switch(forecast: Forecast, early: str) -> str:
    """Say for how long the switch locks, and for how long ``early`` where that makes less of it."""
    locked = _about(forecast.online_locked + forecast.placing)
    less = _about(forecast.online_locked)
    # Two figures that round differently may be all but the same.
    differs = forecast.placing >= NOTICEABLE and less != locked
    return f"locked for about {locked}" + (f", or {less} {early}" if differs else "")


def _about(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def first_of(texts: Iterable[str]) -> list[Line]:
    """Return a line for each of ``texts``; those behind the first ten are details."""
    return [
        Line(text, level=NORMAL if number < FIRST_COMPANIES else DETAILED)
        for number, text in enumerate(texts)
    ]


def _placed(placement: Placement) -> str:
    what = "the existing" if placement.exists else "a new"
    return (
        f"  - tenant {placement.tenant_id} ({placement.tenant}): "
        f"{counted(placement.customers, 'customer')} and "
        f"{counted(placement.orders, 'order')} go to {what} {DEFAULT_COMPANY}"
    )
