"""``--verify-only``: the checks after a migration, on a migrated database."""

from django.core.management.base import CommandError

from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import failed, run_checks
from contacts.restructuring.console.lines import Line, banner, heading
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.unsettled import count_rows, still_there
from jmsk.wording import counted


def verify_only(operation: Operation) -> None:
    """Run the checks after the migration on a migrated database, and report them."""
    operation.require(Stage.MIGRATED)
    tables = operation.layout.tables
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("verify", "Running the checks"),
    ):
        results = run_checks(inspector, CHECKS_AFTER)
        fingerprints = take_fingerprints(
            inspector.cursor, [plain_source(tables[name]) for name in sorted(tables)]
        )
        counts, defaults = (
            ({}, ()) if failed(results) else (count_rows(inspector), still_there(inspector))
        )
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
