"""The ways back: ``--rollback`` and ``--recover``."""

from datetime import datetime

from contacts.restructuring.changes.rollback import EXCLUSIVE, roll_back
from contacts.restructuring.checks.base import Result, failed, run_checks
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.console.lines import Line, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.steps import report_run, run_plan, say_undo
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.record import read_record
from jmsk.wording import counted

QUESTION = "Proceed with rollback? (yes/no): "
CONSEQUENCES = (
    "contacts is renamed to customers again; what the migration placed has no company again",
    "contacts that a person has moved keep their company; e-mails set aside come back",
    "default companies that the migration created and that nobody uses go",
    "addresses, fax numbers and companies of orders go; {live_on}",
    "every row is proved before COMMIT; whatever fails, the database stays as it is",
)


def rollback(operation: Operation) -> None:
    """Check, back up, ask, reverse the restructuring in one proved transaction, report."""
    operation.require(Stage.MIGRATED)
    before, when = _validate(operation)
    operation.refuse_failed(before)
    backup = operation.back_up()
    operation.say(*heading("READY TO ROLL BACK"), Line(f"Database: {operation.database}"))
    if when:
        operation.say(Line(f"It was migrated on {when:%Y-%m-%d %H:%M:%S} UTC."))
    live_on = "they live on in the backup" if backup else "no backup is written, so they are lost"
    steps = (step.format(live_on=live_on) for step in CONSEQUENCES)
    operation.say(Line("What will happen:"), *(Line(f"  - {step}") for step in steps))
    operation.say(Line(f"Backup: {backup.path if backup else 'none (--skip-backup)'}"), Line())
    operation.console.ask(QUESTION)
    operation.look_again()
    operation.say(*heading("ROLLING BACK THE MIGRATION"))
    ended = run_plan(operation, roll_back, backup, before, EXCLUSIVE)
    outcome = (
        f"{counted(ended.value.counts['customers'], 'contact')} turned into customers again; every "
        "row was proved before COMMIT."
    )
    report = report_run(operation, "rollback", outcome, ended, before)
    operation.say(Line(), Line("✓ ROLLBACK COMPLETED SUCCESSFULLY!", "SUCCESS"))
    say_undo(operation, report)


def _validate(operation: Operation) -> tuple[list[Result], datetime | None]:
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(*heading("CHECKS BEFORE THE ROLLBACK"))
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(inspector, CHECKS_BACK)
        migrated = None if failed(results) else read_record(inspector.cursor).finished
    operation.draft.note(before=tuple(results))
    operation.say(*result_lines(results))
    return results, migrated
