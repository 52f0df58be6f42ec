"""``--recover``: take the wreck of the former Alembic migration back to the legacy schema."""

from contacts.restructuring.changes import recover as recovery
from contacts.restructuring.checks.base import Result, run_checks
from contacts.restructuring.checks.before_recovery import CHECKS
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.steps import report_run, run_plan
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.wreck import Wreck, examine

RECOVERY_QUESTION = "Proceed with recovery? (yes/no): "


def recover(operation: Operation) -> None:
    """Take the wreck of the old Alembic migration back to the legacy shape."""
    if operation.layout.stage in (Stage.LEGACY, Stage.MIGRATED):
        operation.nothing_to_do(f"The database is {operation.layout.stage}: nothing to recover.")
        return
    operation.require(Stage.PARTIAL)
    before, wreck = _examine(operation)
    operation.refuse_failed(before)
    backup = operation.back_up()
    operation.say(*heading("READY TO RECOVER"), Line(f"Database: {operation.database}"))
    operation.say(Line("What will happen:"), *(Line(f"  - {step}") for step in _undoing(wreck)))
    operation.say(Line(f"Backup: {backup.path if backup else 'none (--skip-backup)'}"), Line())
    operation.console.ask(RECOVERY_QUESTION)
    operation.look_again()
    operation.say(*heading("RECOVERING"))
    ended = run_plan(operation, recovery.recover, backup, before, recovery.EXCLUSIVE)
    outcome = "The database is legacy again; every row was proved before COMMIT."
    report_run(operation, "recovery", outcome, ended, before)
    operation.say(Line(), Line("✓ RECOVERED: the migration can be run now.", "SUCCESS"))


def _examine(operation: Operation) -> tuple[list[Result], Wreck]:
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(
        *heading("CHECKS BEFORE THE RECOVERY"),
        Line("This is what the former Alembic migration leaves when it dies: customers renamed to"),
        Line("contacts and placed in default companies, orders with a company_id but still with"),
        Line("customer_id, an empty table of addresses."),
        Line(),
    )
    with operation.reading_snapshot() as inspector:
        results = run_checks(inspector, CHECKS)
        wreck = examine(inspector.cursor)
    operation.draft.note(before=tuple(results))
    operation.say(*result_lines(results))
    return results, wreck


def _undoing(wreck: Wreck) -> tuple[str, ...]:
    made = ", ".join(map(str, wreck.companies)) or "none"
    return (
        "contacts is renamed to customers again, its indexes and constraints with it",
        f"contacts of the default companies that it made have no company again: {wreck.placed:,}",
        f"those companies go (ids: {made}); a Default Company that people made stays",
        "orders.company_id, companies.fax and the empty table of addresses go",
        "every row is proved before COMMIT; whatever fails, the database stays as it is",
    )
