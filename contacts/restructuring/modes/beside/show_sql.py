"""``--show-sql``: what the run would execute on this database, for who has to agree to it."""

from contacts.restructuring.changes.migrate import EXCLUSIVE, Restructure
from contacts.restructuring.console.lines import DETAILED
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.recorder import Recorder
from contacts.restructuring.modes import steps, switch
from contacts.restructuring.modes.dry_run import validate
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.sql_format import sql_text

CONSEQUENCES = (
    "the migration is rehearsed: run for real, recorded, then rolled back",
    "readers and writers of these tables wait until it is rolled back",
    "nothing is left of it, and no file is written; on an empty copy of the schema it takes a "
    "second and stops nobody",
)


def show_sql(operation: Operation) -> None:
    """Rehearse, and print the statements of the transaction on standard output."""
    online = operation.layout.stage is Stage.PREPARED
    legacy = switch.legacy_view(operation)
    validate(legacy)
    legacy.refuse_failed(operation.report.before)
    steps.section(operation, "READY TO RECORD THE SQL")
    operation.say_database()
    steps.confirm(operation, CONSEQUENCES)
    recorder = Recorder(operation.connection, operation.journal)
    with operation.connection.execute_wrapper(recorder):
        if online:
            switch.rehearse_switch(operation)
        else:
            steps.run_and_report(operation, Restructure(), EXCLUSIVE, None, rehearse=True)
    report, console = operation.report, operation.console
    report.sql = tuple(recorder.statements)
    if console.format == "sql":
        console.document(sql_text(report, reads=console.verbosity >= DETAILED))
    operation.nothing_to_do("Recorded and rolled back: nothing was changed.")
