"""``--status``: what there is to know of a database, at whichever stage it is."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from contacts.models import RestructuringRun
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.shelf import Kept, list_backups, needed_backups
from contacts.restructuring.bridge import usage
from contacts.restructuring.bridge.description import Bridge, read_bridge
from contacts.restructuring.checks.base import Check, Status, failed, run_checks
from contacts.restructuring.checks.before_recovery import CHECKS as CHECKS_OF_RECOVERY
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.checks.format_rules import CHECKS_AFTER as RULES
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes.beside.remedies import REMEDIES
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.preparation.status import Status as Preparation
from contacts.restructuring.preparation.status import read_status
from contacts.restructuring.reports.overview import (
    Overview,
    StandingBridge,
    WayBack,
    overview_lines,
)
from contacts.restructuring.reports.runbook import command
from contacts.restructuring.restore.compatibility import TARGETS, first, misfits
from contacts.restructuring.state.history import Run, read_runs
from contacts.restructuring.state.unsettled import left_by_tenant
from jmsk.wording import moment

OPEN, CLOSED = True, False
PREPARED = RestructuringRun.Kind.PREPARATION
LOCKS = "readers and writers are locked out meanwhile"


def status(operation: Operation) -> None:
    """Show the stage, what was done, what is left, the backups, the ways back, what to run next."""
    operation.say_database()
    with (
        operation.reading_snapshot() as inspector,
        operation.journal.step("status", "Looking at the database"),
    ):
        overview = _look(operation, inspector)
    operation.report.overview = overview
    operation.say(*overview_lines(overview, operation.layout.stage))
    operation.report.outcome = "Looked at the database: nothing was changed."


def shelf(operation: Operation) -> tuple[Kept, ...]:
    """Return the backups in the operation's folder. Raises Failure if it cannot be read."""
    folder = operation.options.backup_dir
    try:
        return list_backups(folder)
    except OSError as error:
        raise Failure(
            "MC406",
            f"The folder {folder} cannot be read: {error.strerror or error}. {UNCHANGED} Check its "
            "permissions, or name another one with --backup-dir.",
        ) from error


def _look(operation: Operation, inspector: Inspector) -> Overview:
    layout, cursor = operation.layout, inspector.cursor
    migrated = layout.stage is Stage.MIGRATED
    bridge = read_bridge(cursor)
    backups, database = shelf(operation), operation.report.database
    preparation = read_status(cursor, layout) if layout.stage is Stage.PREPARED else None
    runs = _runs(cursor, preparation)
    found = Overview(
        database,
        layout.schema,
        layout.oddities,
        runs,
        left_by_tenant(inspector) if migrated else (),
        _pending(inspector) if migrated else {},
        _standing(cursor, bridge) if bridge else None,
        preparation,
        operation.options.backup_dir,
        backups,
        tuple(_ways_back(operation, inspector, needed_backups(backups, runs, database))),
    )
    return Overview(**{**vars(found), "next": tuple(_next(operation, found))})


def _runs(cursor: Any, preparation: Preparation | None) -> tuple[Run, ...]:
    """Return the committed runs, the latest first, with the preparation that stands.

    Where nothing was migrated before there is no table of runs: then its own state tells of it.
    """
    runs = read_runs(cursor)
    if preparation is None:
        return runs
    begun = preparation.state.started
    if any(run.kind == PREPARED and run.finished and run.finished >= begun for run in runs):
        return runs
    return (Run(PREPARED, begun, preparation.verified, "", "", ""), *runs)


def _standing(cursor: Any, bridge: Bridge) -> StandingBridge:
    roles = tuple(role.role for role in bridge.memory.roles) if bridge.memory else ()
    calls = usage.read_usage(cursor, bridge).calls
    return StandingBridge(bridge.schema, bridge.made, roles, calls, usage.told(cursor, bridge))


def _pending(inspector: Inspector) -> dict[str, int]:
    """Return the rules that are not in the database, with how many rows break them."""
    return {
        # Without a query there are no rows: nothing but --enforce-rules is missing.
        result.id: result.finding.count if result.finding.query else 0
        for result in run_checks(inspector, RULES)
        if result.finding.count
    }


def _ways_back(
    operation: Operation, inspector: Inspector, needed: Iterable[Kept]
) -> Iterator[WayBack]:
    report, stage = operation.report, operation.layout.stage
    if stage is Stage.MIGRATED:
        yield _checked(inspector, command(report, "--rollback"), CHECKS_BACK)
    if stage is Stage.PARTIAL:
        yield _checked(inspector, command(report, "--recover"), CHECKS_OF_RECOVERY)
    if stage is Stage.PREPARED:
        yield WayBack(command(report, "--abandon"), OPEN, "open; the application goes on working")
    for kept in needed:
        if kept.backup:
            yield _restore(operation, kept.backup)


def _checked(inspector: Inspector, line: str, checks: tuple[Check, ...]) -> WayBack:
    results = run_checks(inspector, checks)
    bad = [result.title for result in failed(results)]
    if bad:
        return WayBack(line, CLOSED, f"closed until this is put right: {', '.join(bad)}")
    told = [
        result.finding.note or result.title for result in results if result.status is Status.WARNING
    ]
    costs = f"; warnings: {'; '.join(told)}" if told else ""
    return WayBack(line, OPEN, f"open; {LOCKS}{costs}")


def _restore(operation: Operation, backup: Backup) -> WayBack:
    layout, manifest = operation.layout, backup.manifest
    line = command(operation.report, "--restore", str(backup.path))
    if layout.stage not in TARGETS.get(manifest.stage, ()):
        return WayBack(line, CLOSED, f"closed: {first(manifest.stage, layout.stage)}")
    problems = misfits(layout, backup)
    if problems:
        return WayBack(line, CLOSED, f"closed until this is put right: {'; '.join(problems)}")
    lost = f"what was entered since {moment(datetime.fromisoformat(manifest.taken_at))} is lost"
    return WayBack(line, OPEN, f"open; {LOCKS}, and {lost}")


def _next(operation: Operation, found: Overview) -> Iterator[tuple[str, str]]:
    report, layout = operation.report, operation.layout
    if layout.stage is Stage.LEGACY:
        yield command(report, "--dry-run"), "see what would be migrated, and what is in the way"
        yield command(report, "--rehearse"), "measure it; readers and writers are locked out"
        yield command(report), "migrate"
    elif layout.stage is Stage.PREPARED:
        ready = found.preparation is not None and found.preparation.ready
        why = "switch, which locks for a moment" if ready else "go on with the preparation"
        yield command(report, *([] if ready else ["--prepare"])), why
    elif layout.unfinished:
        yield command(report), "finish the switch that was committed"
    elif layout.stage is Stage.MIGRATED:
        yield from _after_migration(operation, found)
    else:
        yield f"It is {layout.stage}", REMEDIES[layout.stage]


def _after_migration(operation: Operation, found: Overview) -> Iterator[tuple[str, str]]:
    report = operation.report
    if found.left:
        yield (
            "DEBUG=true python manage.py runserver",
            "settle in the admin what is left; 'python manage.py createsuperuser' makes the first "
            "user",
        )
    if any(not rows for rows in found.rules.values()):
        yield command(report, "--enforce-rules"), "add the rules that no row breaks any more"
    elif found.rules:
        yield command(report, "--enforce-rules"), "once the rows that break the rules are right"
    if found.bridge:
        yield command(report, "--drop-bridge"), "once no application uses the legacy names"
    yield command(report, "--verify-only"), "check all of it, whenever you like"
