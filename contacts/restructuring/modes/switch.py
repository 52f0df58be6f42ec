"""What the full run and its rehearsal do on a prepared database: the switch."""

from dataclasses import replace

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.changes.context import ChangeResult
from contacts.restructuring.changes.migrate import EXCLUSIVE
from contacts.restructuring.changes.switch import Switch, refuse_unequal
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import failed, run_checks
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.online import resumable, worker
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.prepared import as_application_sees_it, say_status
from contacts.restructuring.preparation.filling.drain import drain
from contacts.restructuring.preparation.status import read_status
from contacts.restructuring.preparation.verifying.verify import verify
from contacts.restructuring.preparation.work import SHORT_TRIES, run_lock_held
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.unsettled import LOOSE, DefaultCompany, still_there
from contacts.restructuring.switching.changed import OutdatedError
from contacts.restructuring.switching.finish import finish as finish_tables
from contacts.restructuring.switching.witness import Witness, witness

CONSEQUENCES = (
    "customers is renamed to contacts, and every contact gets a company",
    "orders get contact_id and company_id; companies get addresses",
    "readers and writers of these tables wait for a moment: less than a second as a rule",
    "the switch is proved before COMMIT, and every row is read once more after it",
)
REHEARSAL_CONSEQUENCES = (
    "the switch is run for real, checked and proved, then rolled back",
    "readers and writers of these tables wait for a moment: less than a second as a rule",
    "the preparation stays as it is, and no file but the report is written",
)
STEPS = (
    "checks",
    "look for a backup",
    "backup",
    "verify rows",
    "drain",
    "django",
    "plan",
    "locks",
    "changes",
    "migrate",
    "prove",
    "verify",
    "commit",
    "witness",
    "validate",
    "checks after",
)
FRESH_SECONDS = 300
"""For so long the last check of every row is fresh enough."""
TRIES = 5
"""How often every row is checked again where too much has changed meanwhile."""
COMMITTED = "The switch was committed, and stays; readers and writers are at work again."


def legacy_view(operation: Operation) -> Operation:
    """Return the operation on the legacy database that a prepared one is for the application.

    The database is named, with how far its preparation is.

    Raises Failure where a prepared database cannot be switched.
    """
    operation.say_database()
    if operation.layout.stage is not Stage.PREPARED:
        return operation
    require_verified(operation)
    return as_application_sees_it(operation)


def require_verified(operation: Operation) -> None:
    """Show how far the preparation is. Raises Failure unless it can be switched."""
    found = say_status(operation)
    if found.ready and not found.broken:
        return
    told = "; ".join(found.broken) or f"its next step is '{found.state.phase}'"
    raise Failure(
        "MC907",
        f"The preparation is not finished: {told}. {UNCHANGED} Run 'manage.py migrate_contacts "
        "--prepare': it goes on from there. Or take it away with --abandon and migrate offline.",
    )


def switch(operation: Operation, backup: Backup | None) -> None:
    """Verify again if need be, switch, look at every row once more, validate, check."""
    with witness(operation.connection) as seen:
        _switch(operation, backup, seen)
        operation.report.stage = Stage.MIGRATED
        with operation.journal.step("witness", "Reading every row of the moment of the lock"):
            refuse_unequal(seen)
    _check(finish(operation))


def rehearse_switch(operation: Operation) -> None:
    """Do what :func:`switch` does up to COMMIT, then roll back."""
    _switch(operation, None, None, rehearse=True)
    placements = operation.report.statistics.placements if operation.report.statistics else ()
    loose = sum(placement.orders for placement in placements)
    operation.report.counts["orders_without_contact"] = loose


def finish(operation: Operation) -> Operation:
    """Do what follows a switch that was committed; return the operation on what it led to."""
    migrated = replace(operation, layout=read_layout(operation.connection))
    with (
        operation.journal.step("validate", "Validating constraints"),
        resumable(operation, COMMITTED),
        run_lock_held(operation.connection),
    ):
        one = worker(migrated)
        validated = finish_tables(one)  # last: by what it puts away the next run knows that it was
    operation.say(Line(f"✓ Validated: {', '.join(validated) or 'nothing was left'}", "SUCCESS"))
    return replace(migrated, layout=read_layout(operation.connection))


def finish_and_say(operation: Operation) -> None:
    """Finish a switch that was committed by a run that did not come to its end."""
    steps.section(operation, "FINISHING THE SWITCH")
    finished = finish(operation)
    _check(finished)
    operation.say(*result_lines(operation.report.after))
    operation.nothing_to_do("The switch that was committed is finished.")


def _switch(
    operation: Operation, backup: Backup | None, seen: Witness | None, *, rehearse: bool = False
) -> ChangeResult:
    change = Switch(seen, operation.options.max_orphans)
    patience = operation.options.patience
    short = Patience(
        min(patience.seconds, SHORT_TRIES.seconds), max(patience.tries, SHORT_TRIES.tries)
    )
    for number in range(1, TRIES + 1):
        _verify(operation, fresh_enough=number == 1)
        try:
            return steps.run_and_report(
                operation,
                change,
                EXCLUSIVE,
                backup,
                rehearse=rehearse,
                rewrites=False,
                patience=short,
                batched=True,
            )
        except OutdatedError as outdated:
            if number == TRIES:
                raise
            operation.journal.wait(f"checking every row again: {outdated.told}")
    raise AssertionError("there is at least one try")


def _verify(operation: Operation, *, fresh_enough: bool) -> None:
    one = worker(operation)
    stays = "Nothing was switched, and the application goes on."
    with resumable(operation, stays), run_lock_held(operation.connection):
        found = one.transact(
            lambda cursor: read_status(cursor, operation.layout), "reading the state"
        )
        since = (found.now - found.verified).total_seconds() if found.verified else None
        if fresh_enough and since is not None and since < FRESH_SECONDS:
            with operation.journal.step("drain", "Putting moved orders right"):
                drain(one)
            return
        with operation.journal.step("verify rows", "Verifying every row"):
            verify(one)


def _check(operation: Operation) -> None:
    """Run all checks of a migrated database. Raises Failure if one fails."""
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("checks after", "Running the checks of all rows"),
    ):
        results = run_checks(inspector, CHECKS_AFTER)
        operation.report.still_in_defaults = _left(operation, inspector)
        operation.report.counts["orders_without_contact"] = inspector.value(LOOSE)
    operation.report.after = tuple(results)
    bad = failed(results)
    if bad:
        operation.say(*result_lines(results))
        raise Failure(
            "MC303",
            f"The switch was committed, but checks failed: {', '.join(item.title for item in bad)}."
            " Each of them says above what it found.",
        )


def _left(operation: Operation, inspector: Inspector) -> tuple[DefaultCompany, ...]:
    """Return what is left in the default companies, those included that were filled early."""
    statistics = operation.report.statistics
    placements = statistics.placements if statistics else ()
    created = {placement.tenant_id: not placement.exists for placement in placements}
    return tuple(
        replace(company, created=created.get(company.tenant_id))
        for company in still_there(inspector)
    )
