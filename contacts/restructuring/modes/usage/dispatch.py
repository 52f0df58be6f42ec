"""Runs the mode that was asked for, where it works at the database's stage."""

from dataclasses import replace

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.mode import ADD_BRIDGE, MIGRATE
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.modes.prepared import refuse_offline_options, say_status
from contacts.restructuring.modes.switch import STEPS as SWITCHED
from contacts.restructuring.modes.switch import finish_and_say
from contacts.restructuring.reports.forecast import seconds_by_step
from contacts.restructuring.state.alembic import read_revisions


def run_mode(operation: Operation) -> None:
    """Run the operation's mode. Raises Failure where it does not work at the database's stage."""
    mode, stage = operation.mode, operation.layout.stage
    if mode is MIGRATE and operation.layout.unfinished:
        finish_and_say(operation)
        return
    if mode is MIGRATE and operation.options.bridge and stage is Stage.MIGRATED:
        mode = ADD_BRIDGE
        operation = replace(operation, mode=mode)
        operation.report.mode = mode.name
    if stage in mode.done_at:
        operation.say_database()
        operation.nothing_to_do(f"{mode.done.format(stage=stage)}{_not_stamped(operation)}")
        return
    if stage is Stage.PREPARED and stage not in mode.stages:
        say_status(operation)  # whoever comes by is told of a preparation that is left lying
    operation.require_stage()
    if stage is Stage.PREPARED and mode.migrates:
        refuse_offline_options(operation)
    if mode.changes:
        steps = SWITCHED if mode.migrates and stage is Stage.PREPARED else mode.steps
        known = seconds_by_step(
            operation.connection, operation.report, operation.options.backup_dir
        )
        operation.console.expect(steps, known)
    mode.run(operation)


def _not_stamped(operation: Operation) -> str:
    """Say so, if a revision is asked for that Alembic's record does not say."""
    wanted = operation.options.alembic_stamp
    if not wanted:
        return ""
    with operation.reading_snapshot() as inspector:
        if read_revisions(inspector.cursor) == [wanted]:
            return ""
    return (
        f" alembic_version was not set to {wanted}: only the migration's own transaction does "
        f"that. Use 'alembic stamp {wanted}' of the other application."
    )
