"""The table of what ``migrate_contacts`` can do."""

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.modes.beside.prune import prune_backups
from contacts.restructuring.modes.beside.show_sql import show_sql
from contacts.restructuring.modes.beside.status import status
from contacts.restructuring.modes.bridge import add_bridge, drop_bridge
from contacts.restructuring.modes.dry_run import dry_run
from contacts.restructuring.modes.enforce import enforce
from contacts.restructuring.modes.migrate import migrate, rehearse
from contacts.restructuring.modes.online import abandon, prepare
from contacts.restructuring.modes.operation import Mode
from contacts.restructuring.modes.recover import recover
from contacts.restructuring.modes.repair import repair
from contacts.restructuring.modes.restore import restore
from contacts.restructuring.modes.rollback import rollback
from contacts.restructuring.modes.verify import verify_only

BACKUP = ("checks", "look for a backup", "backup")
PLANNED = ("django", "plan", "locks")
PROVED = ("fingerprint before", "migrate", "analyze", "fingerprint after", "verify", "commit")
BACK = ("fingerprint before", "migrate", "fingerprint after", "verify", "commit")
RESTORED = (
    "read backup",
    "checks",
    "compare",
    "look for a backup",
    "backup",
    "read backup again",
    "plan",
    "locks",
    "checks under lock",
    "fingerprint before",
    "recover",
    "migrate",
    "restore",
    "commit",
    "statistics",
)
ALREADY_MIGRATED = "This database is already migrated: nothing to do."

MIGRATE = Mode(
    flag="",
    name="migration",
    steps=(*BACKUP, *PLANNED, *PROVED, "statistics"),
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
    steps=("checks", "bridge indexes", "locks", "bridge", "commit"),
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
        steps=("checks", *PLANNED, *PROVED),
        run=rehearse,
        help="Run the whole migration for real, then roll it back: the forecast for the real run. "
        "Readers and writers are locked out meanwhile.",
        stages=(Stage.LEGACY, Stage.PREPARED),
        question="Proceed with the rehearsal?",
        changes=True,
        migrates=True,
        done_at=(Stage.MIGRATED,),
        done=ALREADY_MIGRATED,
    ),
    Mode(
        flag="--show-sql",
        name="SQL preview",
        run=show_sql,
        help="Print the SQL that the migration executes here, with the locks that it takes. It is "
        "recorded in a rehearsal, which locks readers and writers out and is rolled back.",
        stages=(Stage.LEGACY, Stage.PREPARED),
        question="Proceed with the rehearsal?",
        changes=True,
        writes_reports=False,
        migrates=True,
        document="sql",
        done_at=(Stage.MIGRATED,),
        done=ALREADY_MIGRATED,
    ),
    Mode(
        flag="--prepare",
        name="preparation",
        steps=("checks", "install", "base", "reserve", "backfill", "index", "verify"),
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
        done_at=(Stage.LEGACY, Stage.MIGRATED, Stage.PARTIAL, Stage.EMPTY),
        done="The database is {stage}, not prepared: nothing to abandon.",
    ),
    Mode(
        flag="--status",
        name="status",
        run=status,
        help="Say all there is to know: the stage, what was done here, what is left to settle, the "
        "backups, the ways back, what to run next. Changes nothing.",
        stages=tuple(Stage),
        writes_reports=False,
    ),
    Mode(
        flag="--prune-backups",
        argument="KEEP",
        further="NAME",
        name="pruning",
        run=prune_backups,
        help="Remove all but the newest KEEP backups of this database, and what killed runs left. "
        "One that a way back needs stays, unless --noinput is joined by its NAME.",
        stages=tuple(Stage),
        question="Remove these backups?",
        writes_reports=False,
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
        question="Proceed with the enforcement?",
        changes=True,
    ),
    Mode(
        flag="--repair",
        name="repair",
        steps=("checks", "locks", "checks under lock", "repair", "verify", "commit"),
        run=repair,
        help="Put back what is missing, changed or disabled of what the migration made.",
        stages=(Stage.MIGRATED,),
        question="Proceed with the repair?",
        changes=True,
    ),
    Mode(
        flag="--drop-bridge",
        name="bridge's end",
        steps=("locks", "drop bridge", "commit"),
        run=drop_bridge,
        help="Take the bridge away, once no application uses the legacy names any more.",
        stages=(Stage.MIGRATED,),
        question="Take the bridge away?",
        changes=True,
    ),
    Mode(
        flag="--rollback",
        name="rollback",
        steps=(*BACKUP, "plan", "locks", "checks under lock", *BACK, "statistics"),
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
        steps=(*BACKUP, "locks", "checks under lock", *BACK),
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
        steps=RESTORED,
        run=restore,
        help="Make the tables what the backup in DIR holds, proved by its fingerprints.",
        stages=(Stage.LEGACY, Stage.MIGRATED, Stage.PARTIAL, Stage.EMPTY),
        question="Proceed with restore?",
        changes=True,
        leads_back=True,
    ),
)
"""The full run first; the manual lists the others in this order."""
