"""The modes that only look: ``--dry-run`` and ``--verify-only``."""

from contacts.restructuring.checks.base import Result, Tag, failed, run_checks
from contacts.restructuring.checks.before_migration import checks_for
from contacts.restructuring.console.lines import Line, banner, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.results import result_lines, statistics_lines
from contacts.restructuring.state import alembic
from contacts.restructuring.state.statistics import Statistics, gather


def dry_run(operation: Operation) -> None:
    """Run the checks and show what would be migrated, in a read-only transaction."""
    if already_migrated(operation):
        return
    results, statistics = validate(operation)
    if statistics:
        operation.say(*heading("WHAT WOULD BE MIGRATED"), *statistics_lines(statistics))
    operation.refuse_failed(results)
    operation.say(Line())
    operation.nothing_to_do("Dry run: nothing was changed.")


def already_migrated(operation: Operation) -> bool:
    """Say so, if the database is migrated."""
    if operation.layout.stage is not Stage.MIGRATED:
        return False
    operation.nothing_to_do(
        f"This database is already migrated: nothing to do.{_unstamped(operation)}"
    )
    return True


def _unstamped(operation: Operation) -> str:
    """Say so, if a revision is asked for that Alembic's record does not say."""
    wanted = operation.options.alembic_stamp
    if not wanted:
        return ""
    with operation.reading_snapshot() as inspector:
        if alembic.read_revisions(inspector.cursor) == [wanted]:
            return ""
    return (
        f" alembic_version was not set to {wanted}: only the migration's own transaction does "
        f"that. Use 'alembic stamp {wanted}' of the other application."
    )


def validate(operation: Operation) -> tuple[list[Result], Statistics | None]:
    """Run the checks before the migration and show them; gather the statistics."""
    layout = operation.layout
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(*heading("PRE-MIGRATION VALIDATION CHECKS"))
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(inspector, checks_for(layout.stage, operation.options.alembic_stamp))
        uncountable = any(Tag.COUNTING in result.tags for result in failed(results))
        countable = layout.stage is Stage.LEGACY and not uncountable
        statistics = gather(inspector) if countable else None
    operation.draft.note(before=tuple(results), statistics=statistics)
    operation.say(*result_lines(results))
    if not failed(results):
        operation.say(
            *banner("✓ PRE-MIGRATION VALIDATION PASSED", "Database is ready for migration")
        )
    return results, statistics
