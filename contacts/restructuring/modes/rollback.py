"""``--rollback``: bring a migrated database back to the legacy schema."""

from collections.abc import Sequence
from datetime import datetime

from contacts.restructuring.changes.rollback import EXCLUSIVE, RollBack
from contacts.restructuring.checks.base import Result, failed
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.backing_up import back_up
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.state.record import read_record
from jmsk.wording import counted, moment

CONSEQUENCES = (
    "contacts is renamed to customers again; what the migration placed has no company again",
    "contacts that a person has moved keep their company; e-mails set aside come back",
    "default companies that the migration created go, where nobody uses or has changed them",
    "addresses, fax numbers and companies of orders go; {live_on}",
    "every row is proved before COMMIT; whatever fails, the database stays as it is",
)


def rollback(operation: Operation) -> None:
    """Check, back up, ask, reverse the restructuring in one proved transaction, report."""
    operation.say_database()
    steps.section(operation, "CHECKS BEFORE THE ROLLBACK")
    when = steps.check_first(operation, CHECKS_BACK, _moment_of_migration)
    operation.refuse_failed(operation.report.before)
    backup = back_up(operation)
    steps.section(operation, "READY TO ROLL BACK")
    operation.say_database()
    if when:
        operation.say(Line(f"It was migrated on {moment(when)}."))
    live_on = "they live on in the backup" if backup else "no backup is written, so they are lost"
    consequences = [step.format(live_on=live_on) for step in CONSEQUENCES]
    if steps.bridge_views(operation):
        consequences.append("the bridge goes: the legacy application finds its own tables again")
    steps.confirm(operation, consequences, steps.backup_line(backup, none="none (--skip-backup)"))
    steps.section(operation, "ROLLING BACK THE MIGRATION")
    result = steps.run_and_report(operation, RollBack(), EXCLUSIVE, backup)
    steps.refresh_statistics(operation)
    operation.say(Line("✓ The tables are those of the legacy schema again", "SUCCESS"))
    operation.report.stage = Stage.LEGACY
    contacts = counted(result.counts["customers"], "contact")
    steps.save_report(
        operation, f"{contacts} turned into customers again; every row was proved before COMMIT."
    )
    operation.say(Line(), Line("✓ ROLLBACK COMPLETED SUCCESSFULLY!", "SUCCESS"))
    steps.say_undo(operation)


def _moment_of_migration(inspector: Inspector, results: Sequence[Result]) -> datetime | None:
    return None if failed(results) else inspector.once(read_record).finished
