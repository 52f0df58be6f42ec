"""``--recover``: take the wreck of the former Alembic migration back to the legacy schema."""

from contacts.restructuring.changes.recover import EXCLUSIVE, Recover
from contacts.restructuring.checks.before_recovery import CHECKS
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.backing_up import back_up
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.state.wreck import Wreck, examine


def recover(operation: Operation) -> None:
    """Check, back up, ask, take away what the former migration had added, report."""
    operation.say_database()
    steps.section(
        operation,
        "CHECKS BEFORE THE RECOVERY",
        Line("This is what the former Alembic migration leaves when it dies: customers renamed to"),
        Line("contacts and placed in default companies, orders with a company_id but still with"),
        Line("customer_id, an empty table of addresses."),
        Line(),
    )
    wreck = steps.check_first(operation, CHECKS, lambda inspector, _: examine(inspector.cursor))
    operation.refuse_failed(operation.report.before)
    backup = back_up(operation)
    steps.section(operation, "READY TO RECOVER")
    operation.say_database()
    steps.confirm(
        operation, _consequences(wreck), steps.backup_line(backup, none="none (--skip-backup)")
    )
    steps.section(operation, "RECOVERING")
    steps.run_and_report(operation, Recover(), EXCLUSIVE, backup)
    operation.say(Line("✓ The tables are those of the legacy schema again", "SUCCESS"))
    operation.report.stage = Stage.LEGACY
    steps.save_report(
        operation, "The database is legacy again; every row was proved before COMMIT."
    )
    operation.say(Line(), Line("✓ RECOVERED: the migration can be run now.", "SUCCESS"))


def _consequences(wreck: Wreck) -> tuple[str, ...]:
    made = ", ".join(map(str, wreck.companies)) or "none"
    return (
        "contacts is renamed to customers again, its indexes and constraints with it",
        f"contacts of the default companies that it made have no company again: {wreck.placed:,}",
        f"those companies go (ids: {made}); a Default Company that people made stays",
        "orders.company_id, companies.fax and the empty table of addresses go",
        "every row is proved before COMMIT; whatever fails, the database stays as it is",
    )
