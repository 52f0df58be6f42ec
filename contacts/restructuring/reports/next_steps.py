"""What to do after a call, with the command for it: the first thing that a reader wants to know."""

from collections.abc import Iterator
from dataclasses import dataclass

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.runbook import command, runbook, undo


@dataclass(frozen=True)
class NextStep:
    """Something to do, and the ``commands`` that do it, where there are any."""

    text: str
    commands: tuple[str, ...] = ()


def next_steps(report: Report) -> tuple[NextStep, ...]:
    """Return what to do after the call of ``report``, the first step first."""
    if not report.succeeded:
        return tuple(_after_failure(report))
    steps = [*_STEPS.get(report.mode, _settling)(report)]
    back = undo(report)
    if back and report.mode != "rehearsal":
        told = "To undo this run, one of these" if report.mode == "migration" else "To undo it"
        steps.append(NextStep(f"{told}:", back))
    return tuple(steps)


def is_left(report: Report) -> bool:
    """Return whether anything is left for people to settle."""
    placed = any(company.contacts or company.orders for company in report.default_companies)
    return bool(placed or report.counts.get("emails_set_aside") or report.pending_rules)


def _after_failure(report: Report) -> Iterator[NextStep]:
    happened = [entry for entry in runbook(report) if entry.happened]
    if not happened:
        yield NextStep("See which stage the database is in:", (command(report, "--status"),))
    for entry in happened:
        yield NextStep(entry.advice, entry.commands)


def _after_migration(report: Report) -> Iterator[NextStep]:
    yield NextStep("Test the application with the new schema.")
    yield from _settling(report)


def _settling(report: Report) -> Iterator[NextStep]:
    if is_left(report):
        yield NextStep("Settle in the admin what is left; it is listed below.")
    if report.pending_rules:
        enforce = (command(report, "--enforce-rules"),)
        yield NextStep("Once the rows are right that break a pending rule, add the rule:", enforce)


def _after_rehearsal(report: Report) -> Iterator[NextStep]:
    yield NextStep(
        f"Agree with all who use it on a time in which {report.locked_seconds:,.1f} s without "
        "these tables do no harm, then migrate:",
        (command(report),),
    )


def _after_return(report: Report) -> Iterator[NextStep]:
    yield NextStep(f"Test the application: the database is {report.stage} now.")
    if report.stage == Stage.MIGRATED:
        yield from _settling(report)


_STEPS = {
    "migration": _after_migration,
    "rehearsal": _after_rehearsal,
    "rollback": _after_return,
    "restore": _after_return,
    "recovery": _after_return,
}
