"""The modes that only look: ``--dry-run`` and ``--verify-only``."""

from django.core.management.base import CommandError

from contacts.restructuring import alembic
from contacts.restructuring.checks import Check, Result, failed, run_checks
from contacts.restructuring.checks_after import CHECKS_AFTER
from contacts.restructuring.checks_before import checks_for
from contacts.restructuring.fingerprint import plain_source, take
from contacts.restructuring.operation import Operation
from contacts.restructuring.report import (
    Line,
    banner,
    heading,
    result_lines,
    statistics_lines,
)
from contacts.restructuring.stage import Stage
from contacts.restructuring.statistics import Statistics, gather
from contacts.restructuring.unsettled import count_rows, still_there
from jmsk.wording import counted


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


def verify_only(operation: Operation) -> None:
    """Run the checks after the migration on a migrated database, and report them."""
    operation.require(Stage.MIGRATED)
    tables = operation.layout.tables
    with (
        operation.looking() as scene,
        operation.journal.step("verify", "Running the checks"),
    ):
        results = run_checks(scene, CHECKS_AFTER)
        fingerprints = take(scene.cursor, [plain_source(tables[name]) for name in sorted(tables)])
        counts, defaults = ({}, ()) if failed(results) else (count_rows(scene), still_there(scene))
    operation.say(*heading("POST-MIGRATION VERIFICATION CHECKS"), *result_lines(results))
    operation.say(Line(), Line("Fingerprints:"))
    operation.say(*(Line(f"  {name}: {item}") for name, item in fingerprints.items()))
    bad = failed(results)
    outcome = f"{counted(len(bad), 'check')} failed." if bad else "All checks passed."
    report = operation.report(
        "verification",
        outcome,
        succeeded=not bad,
        failed_step="verify" if bad else "",
        after=tuple(results),
        counts=counts,
        defaults=defaults,
        fingerprints_after=fingerprints,
    )
    operation.save_report(report)
    if bad:
        raise CommandError(
            f"{counted(len(bad), 'check')} failed: {', '.join(result.title for result in bad)}. "
            "Nothing was changed. Each of them says above what it found."
        )
    operation.say(
        *banner("✓ POST-MIGRATION VERIFICATION PASSED", "All data integrity checks passed.")
    )


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
    with operation.looking() as scene:
        if alembic.read_revisions(scene.cursor) == [wanted]:
            return ""
    return (
        f" alembic_version was not set to {wanted}: only the migration's own transaction does "
        f"that. Use 'alembic stamp {wanted}' of the other application."
    )


def _checks(operation: Operation) -> tuple[Check, ...]:
    """Return the checks before a migration; where Alembic is stamped, that it can be."""
    checks, wanted = checks_for(operation.layout.stage), operation.options.alembic_stamp
    if not wanted:
        return checks
    stamping = alembic.stamp_check(wanted)
    return tuple(stamping if check.id == stamping.id else check for check in checks)


def validate(operation: Operation) -> tuple[list[Result], Statistics | None]:
    """Run the checks before the migration and show them; gather the statistics."""
    layout = operation.layout
    operation.say(Line(f"Database: {operation.database}"))
    operation.say(*heading("PRE-MIGRATION VALIDATION CHECKS"))
    with (
        operation.looking() as scene,
        operation.journal.step("checks", "Running the checks"),
    ):
        results = run_checks(scene, _checks(operation))
        columns_missing = "columns" in {result.id for result in failed(results)}
        countable = layout.stage is Stage.LEGACY and not columns_missing
        statistics = gather(scene) if countable else None
    operation.draft.note(before=tuple(results), statistics=statistics)
    operation.say(*result_lines(results))
    if not failed(results):
        operation.say(
            *banner("✓ PRE-MIGRATION VALIDATION PASSED", "Database is ready for migration")
        )
    return results, statistics
