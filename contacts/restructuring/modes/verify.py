"""``--verify-only``: the checks after a migration, on a migrated database."""

from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import failed, run_checks
from contacts.restructuring.console.lines import Line, banner
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from contacts.restructuring.reports.results import passed_text, result_lines
from contacts.restructuring.state.unsettled import count_rows, still_there
from jmsk.wording import counted


def verify_only(operation: Operation) -> None:
    """Run the checks after the migration on a migrated database, and report them."""
    operation.say_database()
    report, tables = operation.report, operation.layout.tables
    sources = [plain_source(tables[name]) for name in sorted(tables)]
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("verify", "Running the checks"),
    ):
        results = run_checks(inspector, CHECKS_AFTER)
        report.after = tuple(results)
        report.fingerprints_after = take_fingerprints(inspector.cursor, sources)
        if not failed(results):
            report.counts = count_rows(inspector)
            report.still_in_defaults = still_there(inspector)
    steps.section(operation, "POST-MIGRATION VERIFICATION CHECKS", *result_lines(results))
    fingerprints = report.fingerprints_after.items()
    operation.say(Line(), Line("Fingerprints:"))
    operation.say(*(Line(f"  {name}: {item}") for name, item in fingerprints))
    bad = failed(results)
    report.succeeded = not bad
    report.failed_step = operation.journal.current = "verify" if bad else ""
    report.outcome = f"{counted(len(bad), 'check')} failed." if bad else passed_text(results)
    operation.save_report()
    if bad:
        raise Failure(
            "MC303",
            f"{counted(len(bad), 'check')} failed: {', '.join(result.title for result in bad)}. "
            f"{UNCHANGED} Each of them says above what it found. {_remedy(operation)}",
        )
    operation.say(*banner("✓ POST-MIGRATION VERIFICATION PASSED", passed_text(results)))


def _remedy(operation: Operation) -> str:
    if operation.layout.unfinished:
        return (
            "A switch was committed and is not finished yet: 'manage.py migrate_contacts' finishes "
            "it, and checks again."
        )
    return (
        "'manage.py migrate_contacts --repair' puts back what somebody has dropped, changed or "
        "disabled of what the migration made."
    )
