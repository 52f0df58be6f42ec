"""What the ways back have in common: running a plan, and reporting what it did."""

from collections.abc import Callable, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.changes.base import ChangeResult, Plan, RefusedError
from contacts.restructuring.checks.base import Result
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.transaction import TransactionResult
from contacts.restructuring.journal import Journal
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.reports.runbook import undo
from contacts.restructuring.reports.text_format import forecast_lines
from contacts.restructuring.state.statistics import Statistics


def run_plan(
    operation: Operation,
    work: Callable[[BaseDatabaseWrapper, Plan, Journal], TransactionResult[ChangeResult]],
    backup: Backup | None,
    before: Sequence[Result],
    exclusive: tuple[str, ...],
) -> TransactionResult[ChangeResult]:
    """Run ``work`` and, where checks under the lock refuse it, show what they found."""
    plan = Plan(
        operation.frame(exclusive),
        operation.started,
        expected=backup.fingerprints if backup else None,
        backup_path=backup.path if backup else None,
        back_up=operation.back_up_under_lock if backup else None,
        checks_before=tuple(before),
    )
    try:
        return work(operation.connection, plan, operation.journal)
    except RefusedError as refused:
        operation.say(*result_lines(refused.results))
        raise


def report_run(
    operation: Operation,
    mode: str,
    told: str,
    ended: TransactionResult[ChangeResult],
    before: Sequence[Result] = (),
    *,
    stage: Stage = Stage.LEGACY,
    statistics: Statistics | None = None,
) -> Report:
    """Write the report of a run that led to ``stage``, show what it notes, and return it."""
    outcome = ended.value
    report = operation.report(
        mode,
        told,
        stage=stage,
        before=tuple(before),
        after=outcome.results,
        statistics=statistics,
        counts=outcome.counts,
        fingerprints_before=outcome.before,
        fingerprints_after=outcome.after,
        settings=ended.settings,
        recovery_point=ended.point,
        backup_path=str(outcome.backup_path or ""),
        locks=ended.locks,
        locked_seconds=ended.locked_seconds,
        space=outcome.space,
        notes=operation.notes(ended),
    )
    if mode == "rehearsal":
        operation.say(*heading("FORECAST FOR THE REAL RUN"), *forecast_lines(report))
    operation.save_report(report)
    operation.say(*(Line(f"Note: {note}", "WARNING") for note in report.notes))
    return report


def say_undo(operation: Operation, report: Report) -> None:
    """Show the exact commands that undo the run of ``report``, if any do."""
    commands = undo(report)
    if not commands:
        return
    ordered = ", in this order" if report.mode != "migration" and len(commands) > 1 else ""
    operation.say(Line(), Line(f"To undo this run{ordered}:"))
    operation.say(*(Line(f"  {line}", verbatim=True) for line in commands))
