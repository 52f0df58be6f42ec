"""The full run, and its rehearsal."""

from contacts.placeholders import UNKNOWN
from contacts.restructuring.changes.migrate import EXCLUSIVE, Restructure
from contacts.restructuring.checks.base import Tag
from contacts.restructuring.console.lines import Line, banner
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes import steps, switch
from contacts.restructuring.modes.backing_up import back_up
from contacts.restructuring.modes.dry_run import validate
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.results import passed_text, result_lines, statistics_lines
from contacts.restructuring.reports.text_format import forecast_lines
from jmsk.wording import counted

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
NEXT_STEPS = (
    "Review the migration report above",
    "Test the application with the new schema",
    "Update API endpoints to use 'contact' terminology",
    "Update frontend to use 'Contact' instead of 'Client'",
    "Settle in the admin what was placed in default companies or set aside",
)


def migrate(operation: Operation) -> None:
    """Validate, back up, ask, migrate, verify, report. A prepared database is switched."""
    online = operation.layout.stage is Stage.PREPARED
    legacy = switch.legacy_view(operation)
    validate(legacy)
    legacy.refuse_failed(operation.report.before)
    backup = back_up(legacy)
    consequences = switch.CONSEQUENCES if online else CONSEQUENCES
    _confirm(operation, "READY TO MIGRATE", consequences, steps.backup_line(backup))
    steps.section(operation, "EXECUTING DATABASE MIGRATION")
    if online:
        switch.switch(operation, backup)
    else:
        steps.run_and_report(operation, Restructure(), EXCLUSIVE, backup)
        steps.refresh_statistics(operation)
    operation.say(Line("✓ Migration completed successfully!", "SUCCESS"))
    operation.report.stage = Stage.MIGRATED
    _show_results(operation, "Migration completed successfully!")
    steps.save_report(
        operation, f"{_moved(operation)} turned into contacts; every row was proved before COMMIT."
    )
    operation.say(Line(), Line("✓ MIGRATION COMPLETED SUCCESSFULLY!", "SUCCESS"), Line())
    operation.say(Line("Next steps:"))
    operation.say(*(Line(f"  {number}. {step}") for number, step in enumerate(NEXT_STEPS, 1)))
    steps.say_undo(operation)


def rehearse(operation: Operation) -> None:
    """Run the whole migration for real in the one transaction, then roll it back."""
    online = operation.layout.stage is Stage.PREPARED
    legacy = switch.legacy_view(operation)
    validate(legacy)
    legacy.refuse_failed(operation.report.before)
    consequences = switch.REHEARSAL_CONSEQUENCES if online else REHEARSAL_CONSEQUENCES
    backup = steps.backup_line(None, none="none is needed, as all is rolled back")
    _confirm(operation, "READY TO REHEARSE", consequences, backup)
    steps.section(operation, "REHEARSING THE MIGRATION")
    if online:
        switch.rehearse_switch(operation)
    else:
        steps.run_and_report(operation, Restructure(), EXCLUSIVE, None, rehearse=True)
    operation.say(Line("✓ The whole migration was run and rolled back", "SUCCESS"))
    _show_results(operation, "The migration would succeed; it was rolled back.")
    operation.report.seconds = dict(operation.journal.seconds)
    steps.section(operation, "FORECAST FOR THE REAL RUN", *forecast_lines(operation.report))
    steps.save_report(
        operation,
        f"{_moved(operation)} would turn into contacts; every row was proved, then all rolled "
        "back.",
        "WHAT WOULD HAPPEN",
    )
    operation.say(Line(), Line("✓ Rehearsed and rolled back: nothing was changed.", "SUCCESS"))


def _confirm(operation: Operation, ready: str, consequences: tuple[str, ...], backup: Line) -> None:
    steps.section(operation, ready)
    operation.say_database()
    report = operation.report
    numbers = statistics_lines(report.statistics) if report.statistics else ()
    statistics = (Line("What there is:"), *numbers) if numbers else ()
    sessions = next(result.finding for result in report.before if Tag.SESSIONS in result.tags)
    options = operation.options
    bridge = options.bridge.schema if options.bridge else ""
    asked = {
        "all check rules stay pending": options.defer_rules,
        f"orders without a contact get their tenant's {UNKNOWN}": options.placeholder_contacts,
        f"schema {bridge} gets the bridge for the legacy application": bridge,
        f"alembic_version says {options.alembic_stamp} afterwards": options.alembic_stamp,
    }
    steps.confirm(
        operation,
        [*consequences, *(told for told, wanted in asked.items() if wanted)],
        *statistics,
        Line(f"Other sessions connected: {sessions.count:,}"),
        backup,
    )


def _show_results(operation: Operation, outcome: str) -> None:
    before, after = operation.report.before, operation.report.after
    results = result_lines(after, shown=before)
    steps.section(operation, "POST-MIGRATION VERIFICATION CHECKS", *results)
    passed = f"{outcome}\n{passed_text(after)}"
    operation.say(*banner("✓ POST-MIGRATION VERIFICATION PASSED", passed))


def _moved(operation: Operation) -> str:
    return counted(operation.report.counts["customers"], "customer")
