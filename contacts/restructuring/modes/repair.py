"""``--repair``: put back what somebody has dropped, replaced or disabled."""

from contacts.restructuring.changes import repair as changes
from contacts.restructuring.changes.base import FailedChecksError
from contacts.restructuring.checks.before_repair import CHECKS, damage, obstacles
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.transaction import TransactionOptions
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.unsettled import count_rows, still_there
from jmsk.wording import counted


def repair(operation: Operation) -> None:
    """Name what is not as the migration made it, ask, and put it back."""
    operation.say_database()
    steps.section(operation, "CHECKS BEFORE THE REPAIR")
    steps.check_first(operation, CHECKS, lambda *_: None)
    found = damage(operation.report.before)
    if not found:
        operation.nothing_to_do("Everything is as the migration made it: nothing to do.")
        return
    operation.refuse_failed(obstacles(operation.report.before))
    number = sum(result.finding.count for result in found)
    sentences = [sentence for result in found for sentence in result.finding.told]
    unnamed = [f"and {number - len(sentences)} more"] if number > len(sentences) else []
    steps.section(operation, "READY TO REPAIR")
    steps.confirm(
        operation,
        [
            "what is not as the migration made it is put right:",
            *sentences,
            *unnamed,
            "readers and writers of these tables wait until it is done",
            "no row changes",
        ],
    )
    try:
        ended = changes.repair(
            operation.connection,
            _options(operation),
            operation.report.started,
            operation.journal,
        )
    except FailedChecksError as refused:
        operation.say(*result_lines(refused.results))
        raise
    operation.report.after = tuple(ended.value)
    operation.report.settings = ended.settings
    operation.report.locks, operation.report.locked_seconds = ended.locks, ended.locked_seconds
    with operation.reading_snapshot() as inspector:
        operation.report.counts = count_rows(inspector)
        operation.report.still_in_defaults = still_there(inspector)
    operation.say(Line(f"✓ {counted(number, 'difference')} put right.", "SUCCESS"))
    steps.save_report(operation, f"{counted(number, 'difference')} put right; no row was changed.")


def _options(operation: Operation) -> TransactionOptions:
    options = operation.options
    return TransactionOptions(
        operation.layout,
        changes.EXCLUSIVE,
        ("tenants",),
        options.patience,
        max_lockout=options.max_lockout,
        rewrites=False,
        views=steps.bridge_views(operation),
    )
