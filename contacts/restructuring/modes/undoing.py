"""The ways back: ``--rollback`` and ``--recover``."""

from datetime import datetime

from contacts.restructuring import recovery
from contacts.restructuring.checks import Result, failed, run_checks
from contacts.restructuring.checks_back import CHECKS_BACK
from contacts.restructuring.modes.running import report_run, run_plan, say_undo
from contacts.restructuring.operation import Operation
from contacts.restructuring.record import read_record
from contacts.restructuring.report import Line, heading, result_lines
from contacts.restructuring.reversal import EXCLUSIVE, roll_back
from contacts.restructuring.stage import Stage
from jmsk.wording import counted

QUESTION = "Proceed with rollback? (yes/no): "
RECOVERY_QUESTION = "Proceed with recovery? (yes/no): "
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


def _examine(operation: Operation) -> tuple[list[Result], recovery.Wreck]:
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(
        *heading("CHECKS BEFORE THE RECOVERY"),
        Line("This is what the former Alembic migration leaves when it dies: customers renamed to"),
        Line("contacts and placed in default companies, orders with a company_id but still with"),
        Line("customer_id, an empty table of addresses."),
        Line(),
    )
    with operation.looking() as scene:
        results = run_checks(scene, recovery.CHECKS)
        wreck = recovery.examine(scene.cursor)
    operation.draft.note(before=tuple(results))
    operation.say(*result_lines(results))
    return results, wreck


def _undoing(wreck: recovery.Wreck) -> tuple[str, ...]:
    made = ", ".join(map(str, wreck.companies)) or "none"
    return (
        "contacts is renamed to customers again, its indexes and constraints with it",
        f"contacts of the default companies that it made have no company again: {wreck.placed:,}",
        f"those companies go (ids: {made}); a Default Company that people made stays",
        "orders.company_id, companies.fax and the empty table of addresses go",
        "every row is proved before COMMIT; whatever fails, the database stays as it is",
    )


def _validate(operation: Operation) -> tuple[list[Result], datetime | None]:
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(*heading("CHECKS BEFORE THE ROLLBACK"))
    with (
        operation.looking() as scene,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(scene, CHECKS_BACK)
        migrated = None if failed(results) else read_record(scene.cursor).finished
    operation.draft.note(before=tuple(results))
    operation.say(*result_lines(results))
    return results, migrated
