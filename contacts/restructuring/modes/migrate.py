"""The full run, and its rehearsal."""

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.changes.base import ChangeResult, Plan, RefusedError
from contacts.restructuring.changes.migrate import EXCLUSIVE, restructure
from contacts.restructuring.checks.base import Result, Tag
from contacts.restructuring.console.lines import Line, banner, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.transaction import TransactionResult
from contacts.restructuring.modes.dry_run import already_migrated, validate
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.steps import report_run, say_undo
from contacts.restructuring.reports.results import result_lines, statistics_lines
from contacts.restructuring.state.statistics import Statistics
from jmsk.wording import counted

QUESTION = "Proceed with migration? (yes/no): "
REHEARSAL_QUESTION = "Proceed with the rehearsal? (yes/no): "
CONSEQUENCES = (
    "customers is renamed to contacts, and every contact gets a company",
    "orders get contact_id and company_id; companies get addresses",
    "readers and writers of these tables wait until it is done",
    "every row is proved before COMMIT; whatever fails, the database stays as it is",
)
REHEARSAL_CONSEQUENCES = (
    "the whole migration is run for real, checked and proved, then rolled back",
    "readers and writers of these tables wait until it is rolled back",
    "nothing is left of it, and no file but the report is written",
)


def migrate(operation: Operation) -> None:
    """Validate, back up, ask, migrate, verify, report."""
    if already_migrated(operation):
        return
    operation.require(Stage.LEGACY)
    before, statistics = validate(operation)
    operation.refuse_failed(before)
    backup = operation.back_up()
    _show_consequences(operation, CONSEQUENCES, statistics, before, backup)
    operation.console.ask(QUESTION)
    operation.look_again()
    operation.say(*heading("EXECUTING DATABASE MIGRATION"))
    plan = Plan(
        operation.frame(EXCLUSIVE),
        operation.started,
        expected=backup.fingerprints if backup else None,
        backup_path=backup.path if backup else None,
        back_up=operation.back_up_under_lock if backup else None,
        checks_before=tuple(before),
        alembic_stamp=operation.options.alembic_stamp,
    )
    ended = _restructure(operation, plan)
    operation.say(Line("✓ Migration completed successfully!", "SUCCESS"))
    _show_results(operation, ended.value, "Migration completed successfully!")
    report = report_run(
        operation,
        "migration",
        f"{_moved(ended)} turned into contacts; every row was proved before COMMIT.",
        ended,
        before,
        stage=Stage.MIGRATED,
        statistics=statistics,
    )
    operation.say(Line(), Line("✓ MIGRATION COMPLETED SUCCESSFULLY!", "SUCCESS"), Line())
    operation.say(Line("Next steps:"))
    operation.say(*(Line(f"  {number}. {step}") for number, step in enumerate(NEXT_STEPS, 1)))
    say_undo(operation, report)


def rehearse(operation: Operation) -> None:
    """Run the whole migration for real in the one transaction, then roll it back."""
    if already_migrated(operation):
        return
    operation.require(Stage.LEGACY)
    before, statistics = validate(operation)
    operation.refuse_failed(before)
    _show_consequences(operation, REHEARSAL_CONSEQUENCES, statistics, before, None)
    operation.console.ask(REHEARSAL_QUESTION)
    operation.look_again()
    operation.say(*heading("REHEARSING THE MIGRATION"))
    frame = operation.frame(EXCLUSIVE, rehearse=True)
    plan = Plan(
        frame,
        operation.started,
        checks_before=tuple(before),
        alembic_stamp=operation.options.alembic_stamp,
    )
    ended = _restructure(operation, plan)
    _show_results(operation, ended.value, "The migration would succeed; it was rolled back.")
    report_run(
        operation,
        "rehearsal",
        f"{_moved(ended)} would turn into contacts; every row was proved, then all rolled back.",
        ended,
        before,
        statistics=statistics,
    )
    operation.say(Line(), Line("✓ Rehearsed and rolled back: nothing was changed.", "SUCCESS"))


def _restructure(operation: Operation, plan: Plan) -> TransactionResult[ChangeResult]:
    try:
        return restructure(operation.connection, plan, operation.journal)
    except RefusedError as refused:
        lines = result_lines(refused.results)
        operation.say(*heading("POST-MIGRATION VERIFICATION CHECKS"), *lines)
        raise


def _show_consequences(
    operation: Operation,
    consequences: tuple[str, ...],
    statistics: Statistics | None,
    before: list[Result],
    backup: Backup | None,
) -> None:
    operation.say(*heading("READY TO MIGRATE"))
    operation.say(Line(f"Database: {operation.database}"), Line("What will happen:"))
    operation.say(*(Line(f"  - {step}") for step in consequences))
    if statistics:
        operation.say(*statistics_lines(statistics))
    sessions = next(result.finding for result in before if Tag.SESSIONS in result.tags)
    operation.say(Line(f"Other sessions connected: {sessions.count}"))
    operation.say(*(Line(f"  - {sentence}") for sentence in sessions.sentences))
    operation.say(Line(f"Backup: {backup.path if backup else 'none'}"), Line())


def _show_results(operation: Operation, outcome: ChangeResult, told: str) -> None:
    results = result_lines(outcome.results)
    operation.say(*heading("POST-MIGRATION VERIFICATION CHECKS"), *results)
    passed = f"{told}\nAll data integrity checks passed."
    operation.say(*banner("✓ POST-MIGRATION VERIFICATION PASSED", passed))


def _moved(ended: TransactionResult[ChangeResult]) -> str:
    return counted(ended.value.counts["customers"], "customer")


NEXT_STEPS = (
    "Review the migration report above",
    "Test the application with the new schema",
    "Update API endpoints to use 'contact' terminology",
    "Update frontend to use 'Contact' instead of 'Client'",
    "Settle in the admin what was placed in default companies or set aside",
)
