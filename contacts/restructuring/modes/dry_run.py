"""``--dry-run``: the checks, and what would be migrated."""

from collections.abc import Sequence

from contacts.restructuring.checks.base import Result, Tag, failed
from contacts.restructuring.checks.before_migration import checks_for
from contacts.restructuring.checks.environment.bridge import bridge_checks
from contacts.restructuring.checks.format_rules import AFTER as RULES
from contacts.restructuring.console.lines import Line, banner
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.prepared import as_application_sees_it, say_status
from contacts.restructuring.preparation.forecast import forecast
from contacts.restructuring.reports.results import roads_lines, statistics_lines, switch_lines
from contacts.restructuring.state.statistics import Statistics, gather


def dry_run(operation: Operation) -> None:
    """Run the checks and show what would be migrated, in a read-only transaction."""
    operation.say_database()
    prepared = operation.layout.stage is Stage.PREPARED
    if prepared:
        say_status(operation)
        operation = as_application_sees_it(operation)
    validate(operation)
    if operation.report.statistics:
        lines = statistics_lines(operation.report.statistics)
        steps.section(operation, "WHAT WOULD BE MIGRATED", *lines, *_rules(operation))
        _say_locks(operation, operation.report.statistics, prepared=prepared)
    operation.refuse_failed(operation.report.before)
    operation.say(Line())
    operation.nothing_to_do("Dry run: nothing was changed.")


def _say_locks(operation: Operation, statistics: Statistics, *, prepared: bool) -> None:
    """Show how long both roads would lock; of a prepared database, how long the switch would."""
    with operation.reading_snapshot() as inspector:
        found = forecast(inspector, statistics, operation.options.pace)
    operation.report.forecast = found
    if prepared:
        steps.section(operation, "THE SWITCH", *switch_lines(found))
    else:
        steps.section(operation, "THE TWO ROADS", *roads_lines(found))


def validate(operation: Operation) -> None:
    """Run the checks before the migration and show them; gather the statistics."""
    steps.section(operation, "PRE-MIGRATION VALIDATION CHECKS")
    checks = checks_for(operation.layout.stage, operation.options.alembic_stamp)
    if operation.options.bridge and operation.layout.stage is Stage.LEGACY:
        checks += bridge_checks(operation.options.bridge)
    operation.report.statistics = steps.check_first(operation, checks, _statistics)
    if not failed(operation.report.before):
        title, text = "✓ PRE-MIGRATION VALIDATION PASSED", "Database is ready for migration"
        operation.say(*banner(title, text))


def _rules(operation: Operation) -> list[Line]:
    """Say which check rules would be in force at once, and which would wait for rows."""
    broken = {item.id for item in operation.report.before if item.finding.count}
    at_once = ", ".join(rule for rule in RULES if rule not in broken) or "none"
    if operation.options.defer_rules:
        return [Line(f"  check rules: all stay pending; without --defer-rules in force: {at_once}")]
    waiting = ", ".join(rule for rule in RULES if rule in broken) or "none"
    return [Line(f"  check rules in force at once: {at_once}; pending: {waiting}")]


def _statistics(inspector: Inspector, results: Sequence[Result]) -> Statistics | None:
    """Count what would be moved, where the columns are there that this takes."""
    uncountable = any(Tag.COUNTING in result.tags for result in failed(results))
    if inspector.layout.stage is not Stage.LEGACY or uncountable:
        return None
    return gather(inspector)
