"""The steps that modes have in common: checks, the question, the change, its report."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, transaction

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.bridge.description import read_bridge
from contacts.restructuring.changes.base import Change, FailedChecksError, run_change
from contacts.restructuring.changes.context import ChangeResult, Plan
from contacts.restructuring.checks.base import Check, Result, run_checks
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.settings import set_local
from contacts.restructuring.database.tables import Table
from contacts.restructuring.database.transaction import TransactionOptions, TransactionResult
from contacts.restructuring.modes.backing_up import back_up_under_lock
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.reports.runbook import undo
from contacts.restructuring.reports.summary import summary_lines
from jmsk.postgres.queries import execute, listed
from jmsk.postgres.server_errors import server_words

T = TypeVar("T")


def check_first(
    operation: Operation,
    checks: Sequence[Check],
    look: Callable[[Inspector, Sequence[Result]], T],
) -> T:
    """Run the checks before a change and show them; return what ``look`` sees beside them.

    ``look`` is called in the same snapshot, with the results. Nothing is refused here.
    """
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(inspector, checks)
        found = look(inspector, results)
    operation.report.before = tuple(results)
    operation.say(*result_lines(results))
    return found


def confirm(operation: Operation, steps: Sequence[str], *more: Line) -> None:
    """Say what will happen, ask, and look at the tables again. Raises Failure where declined."""
    operation.say(Line("What will happen:"), *(Line(f"  - {step}") for step in steps), *more)
    if not operation.console.noinput:
        operation.say(Line())
    operation.console.ask(operation.mode.question)
    operation.look_again()


def backup_line(backup: Backup | None, told: str = "Backup", none: str = "none") -> Line:
    """Say where the backup lies."""
    return Line(f"{told}: {backup.path if backup else none}")


def run_and_report(
    operation: Operation,
    change: Change,
    exclusive: tuple[str, ...],
    backup: Backup | None,
    *,
    rehearse: bool = False,
    **transaction: Any,
) -> ChangeResult:
    """Make ``change``, note in the report what it did, and return that.

    ``transaction`` are further TransactionOptions. Checks that refuse it under the lock are shown.
    """
    layout, options = operation.layout, operation.options
    usual = TransactionOptions(
        layout,
        exclusive,
        tuple(name for name in ("tenants",) if name in layout.tables),
        options.patience,
        rehearse,
        options.max_lockout,
        views=bridge_views(operation),
    )
    plan = Plan(
        replace(usual, **transaction),
        operation.report.started,
        expected=backup.exact if backup else None,
        backup_path=backup.path if backup else None,
        back_up=partial(back_up_under_lock, operation) if backup else None,
        checks_before=operation.report.before,
        alembic_stamp=options.alembic_stamp,
        bridge=options.bridge,
        defer_rules=options.defer_rules,
        placeholder_contacts=options.placeholder_contacts,
    )
    try:
        ended = run_change(change, operation.connection, plan, operation.journal)
    except FailedChecksError as refused:
        operation.say(*result_lines(refused.results, operation.report.before))
        raise
    _note(operation, ended)
    return ended.value


def refresh_statistics(operation: Operation) -> None:
    """Refresh the planner's statistics, when nobody is locked out any more.

    The change is committed, and stays so: a refusal is noted in the report.
    """
    connection = operation.connection
    with operation.journal.step("statistics", "Refreshing the planner's statistics"):
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                set_local(cursor, {"lock_timeout": operation.options.patience.timeout})
                tables = read_layout(connection).tables.values()
                execute(cursor, "ANALYZE {}", listed([table.identifier for table in tables]))
        except (DatabaseError, InterfaceError) as error:
            operation.report.notes += (
                f"The planner's statistics are old ({server_words(error)}): until autovacuum has "
                "refreshed them, queries may be slow. ANALYZE does it at once.",
            )


def bridge_views(operation: Operation) -> tuple[Table, ...]:
    """Return the views of the bridge, if one stands: they go with what they stand on."""
    with operation.connection.cursor() as cursor:
        bridge = read_bridge(cursor)
    return bridge.views if bridge else ()


def _note(operation: Operation, ended: TransactionResult[ChangeResult]) -> None:
    report, result = operation.report, ended.value
    report.after = result.results
    report.counts = dict(result.counts)
    report.fingerprints_before, report.fingerprints_after = result.before, result.after
    report.settings = ended.settings
    report.recovery_point = ended.point
    report.backup_path = str(result.backup_path or "")
    report.locks, report.locked_seconds = ended.locks, ended.locked_seconds
    report.space = result.space
    report.notes = ended.notes
    if result.backup_repeated:
        took = operation.journal.seconds["backup under lock"]
        report.notes += (
            "Somebody wrote between the backup and the lock: the backup was taken again under the "
            f"lock, which kept readers and writers out {took:.1f} s longer.",
        )


def save_report(operation: Operation, outcome: str, title: str = "WHAT HAPPENED") -> None:
    """Finish the report of a change that went well; show what happened, what it notes, its files.

    ``title`` stands above what happened.
    """
    report = operation.report
    report.outcome, report.succeeded = outcome, True
    section(operation, title)
    operation.say_database()
    operation.say(*summary_lines(report))
    operation.save_report()
    operation.say(*(Line(f"Note: {note}", "WARNING") for note in report.notes))


def say_undo(operation: Operation) -> None:
    """Show the exact commands that undo what the call did, if any do."""
    commands = undo(operation.report)
    if not commands:
        return
    ordered = ", in this order" if operation.mode.leads_back and len(commands) > 1 else ""
    operation.say(Line(), Line(f"To undo this run{ordered}:"))
    operation.say(*(Line(f"  {line}", verbatim=True) for line in commands))


def section(operation: Operation, title: str, *lines: Line) -> None:
    """Begin a section of the output."""
    operation.say(*heading(title), *lines)
