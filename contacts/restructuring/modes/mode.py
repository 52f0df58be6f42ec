"""The table of what ``migrate_contacts`` can do."""

from dataclasses import replace

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.bridge import add_bridge, drop_bridge
from contacts.restructuring.modes.dry_run import dry_run
from contacts.restructuring.modes.enforce import enforce
from contacts.restructuring.modes.migrate import migrate, rehearse
from contacts.restructuring.modes.online import abandon, prepare, status
from contacts.restructuring.modes.operation import Mode, Operation
from contacts.restructuring.modes.prepared import say_status
from contacts.restructuring.modes.recover import recover
from contacts.restructuring.modes.repair import repair
from contacts.restructuring.modes.restore import restore
from contacts.restructuring.modes.rollback import rollback
from contacts.restructuring.modes.switch import finish_and_say
from contacts.restructuring.modes.verify import verify_only
from contacts.restructuring.state.alembic import read_revisions

ALREADY_MIGRATED = "This database is already migrated: nothing to do."

MIGRATE = Mode(
    flag="",
    name="migration",
    run=migrate,
    help="Validate, back up, ask, migrate, verify, report.",
    stages=(Stage.LEGACY, Stage.PREPARED),
    question="Proceed with migration?",
    changes=True,
    migrates=True,
    done_at=(Stage.MIGRATED,),
    done=ALREADY_MIGRATED,
)
ADD_BRIDGE = Mode(
    flag="",
    name="bridge",
    run=add_bridge,
    help="Make the bridge of a migrated database.",
    stages=(Stage.MIGRATED,),
    question="Proceed with the bridge?",
    changes=True,
)
"""What ``--bridge`` means on a database that is migrated already."""
MODES = (
    MIGRATE,
    Mode(
        flag="--dry-run",
        name="dry run",
        run=dry_run,
        help="Run the checks and show what would be migrated. Changes nothing.",
        stages=tuple(Stage),
        writes_reports=False,
        migrates=True,
        done_at=(Stage.MIGRATED,),
        done=ALREADY_MIGRATED,
    ),
    Mode(
        flag="--rehearse",
        name="rehearsal",
        run=rehearse,
        help="Run the whole migration for real, then roll it back: the forecast for the real run.",
        stages=(Stage.LEGACY, Stage.PREPARED),
        question="Proceed with the rehearsal?",
        changes=True,
        migrates=True,
        done_at=(Stage.MIGRATED,),
        done=ALREADY_MIGRATED,
    ),
    Mode(
        flag="--prepare",
        name="preparation",
        run=prepare,
        help="Prepare the migration while the application works, so that it then locks for a "
        "moment. Whatever ends it, the same command goes on.",
        stages=(Stage.LEGACY, Stage.PREPARED),
        question="Proceed with the preparation?",
        changes=True,
        writes_reports=False,
        done_at=(Stage.MIGRATED,),
        done=ALREADY_MIGRATED,
    ),
    Mode(
        flag="--abandon",
        name="abandonment",
        run=abandon,
        help="Take a preparation away while the application works.",
        stages=(Stage.PREPARED,),
        question="Abandon the preparation?",
        changes=True,
        writes_reports=False,
        done_at=(Stage.LEGACY,),
        done="The database is legacy: nothing to abandon.",
    ),
    Mode(
        flag="--status",
        name="status",
        run=status,
        help="Say how far a preparation is, and what it costs.",
        stages=(Stage.PREPARED,),
        writes_reports=False,
        done_at=(Stage.LEGACY, Stage.MIGRATED),
        done="The database is {stage}: nothing is prepared.",
    ),
    Mode(
        flag="--verify-only",
        name="verification",
        run=verify_only,
        help="Run the checks after a migration, on a migrated database.",
        stages=(Stage.MIGRATED,),
    ),
    Mode(
        flag="--enforce-rules",
        name="enforcement",
        run=enforce,
        help="Add the check rules that are pending and that no row breaks any more.",
        stages=(Stage.MIGRATED,),
    ),
    Mode(
        flag="--repair",
        name="repair",
        run=repair,
        help="Put back what is missing, changed or disabled of what the migration made.",
        stages=(Stage.MIGRATED,),
        question="Proceed with the repair?",
        changes=True,
    ),
    Mode(
        flag="--drop-bridge",
        name="bridge's end",
        run=drop_bridge,
        help="Take the bridge away, once no application uses the legacy names any more.",
        stages=(Stage.MIGRATED,),
        question="Take the bridge away?",
        changes=True,
    ),
    Mode(
        flag="--rollback",
        name="rollback",
        run=rollback,
        help="Bring a migrated database back to the legacy schema, every row proved.",
        stages=(Stage.MIGRATED,),
        question="Proceed with rollback?",
        changes=True,
        leads_back=True,
    ),
    Mode(
        flag="--recover",
        name="recovery",
        run=recover,
        help="Take the wreck of the former Alembic migration back to the legacy schema, proved.",
        stages=(Stage.PARTIAL,),
        question="Proceed with recovery?",
        changes=True,
        leads_back=True,
        done_at=(Stage.LEGACY, Stage.MIGRATED),
        done="The database is {stage}: nothing to recover.",
    ),
    Mode(
        flag="--restore",
        argument="DIR",
        name="restore",
        run=restore,
        help="Make the tables what the backup in DIR holds, proved by its fingerprints.",
        stages=(Stage.LEGACY, Stage.MIGRATED, Stage.PARTIAL, Stage.EMPTY),
        question="Proceed with restore?",
        changes=True,
        leads_back=True,
    ),
)
"""The full run first; the manual lists the others in this order."""


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
        operation.nothing_to_do(f"{mode.done.format(stage=stage)}{_not_stamped(operation)}")
        return
    if stage is Stage.PREPARED and stage not in mode.stages:
        say_status(operation)  # whoever comes by is told of a preparation that is left lying
    operation.require_stage()
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
