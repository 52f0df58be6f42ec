"""The ways back: ``--rollback``."""

from datetime import datetime

from contacts.restructuring.checks import Result, run_checks
from contacts.restructuring.checks_back import CHECKS_BACK
from contacts.restructuring.operation import Operation
from contacts.restructuring.record import read_record
from contacts.restructuring.report import Line, heading, result_lines
from contacts.restructuring.reversal import EXCLUSIVE, roll_back
from contacts.restructuring.run import Plan, RefusedError
from contacts.restructuring.session import looking
from contacts.restructuring.stage import Stage

QUESTION = "Proceed with rollback? (yes/no): "
CONSEQUENCES = (
    "contacts is renamed to customers again; what the migration placed has no company again",
    "contacts that a person has moved keep their company; e-mails set aside come back",
    "default companies that the migration created and that nobody uses go",
    "addresses, fax numbers and companies of orders go; they live on in the backup",
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
    operation.say(Line("What will happen:"), *(Line(f"  - {step}") for step in CONSEQUENCES))
    operation.say(Line(f"Backup: {backup.path if backup else 'none (--skip-backup)'}"), Line())
    operation.console.ask(QUESTION)
    operation.look_again()
    operation.say(*heading("ROLLING BACK THE MIGRATION"))
    plan = Plan(
        operation.frame(EXCLUSIVE),
        operation.started,
        expected=backup.fingerprints if backup else None,
        backup_path=backup.path if backup else None,
        back_up=operation.back_up_under_lock if backup else None,
        checks_before=tuple(before),
    )
    try:
        ended = roll_back(operation.connection, plan, operation.journal)
    except RefusedError as refused:
        operation.say(*result_lines(refused.results))
        raise
    outcome = ended.value
    report = operation.report(
        "rollback",
        f"{outcome.counts['customers']} contacts are customers again; every row was proved before "
        "COMMIT.",
        stage=Stage.LEGACY,
        before=tuple(before),
        counts=outcome.counts,
        fingerprints_before=outcome.before,
        fingerprints_after=outcome.after,
        settings=ended.settings,
        recovery_point=ended.point,
        backup_path=str(outcome.backup_path or ""),
        locks=ended.locks,
        locked_seconds=ended.locked_seconds,
        notes=ended.notes,
    )
    operation.save_report(report)
    operation.say(*(Line(f"Note: {note}", "WARNING") for note in ended.notes))
    operation.say(Line(), Line("✓ ROLLBACK COMPLETED SUCCESSFULLY!", "SUCCESS"))


def _validate(operation: Operation) -> tuple[list[Result], datetime | None]:
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(*heading("CHECKS BEFORE THE ROLLBACK"))
    with (
        looking(operation.connection, operation.layout) as scene,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(scene, CHECKS_BACK)
        migrated = read_record(scene.cursor).finished
    operation.say(*result_lines(results))
    return results, migrated
