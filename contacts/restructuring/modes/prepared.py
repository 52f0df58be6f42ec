"""What the modes that only look say of a prepared database."""

from dataclasses import replace

from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.layout import Stage, as_legacy
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.preparation.status import Status, read_status
from jmsk.wording import counted


def say_status(operation: Operation) -> Status:
    """Show how far the preparation is, with what should be done about it; return it."""
    with operation.reading_snapshot() as inspector:
        found = read_status(inspector.cursor, operation.layout)
    verified = f"{found.verified:%Y-%m-%d %H:%M:%S} UTC" if found.verified else "not yet"
    operation.say(
        Line(f"Preparation since: {found.state.started:%Y-%m-%d %H:%M:%S} UTC"),
        Line(f"Next step: {'switch' if found.ready else found.state.phase}"),
        Line(f"Orders filled: {found.filled:.0%}"),
        Line(f"Every row verified: {verified}"),
        Line(f"Journal: {counted(found.changes, 'change')}, {found.journal_bytes / 1e6:.1f} MB"),
        *(Line(f"⚠ {warning}", "WARNING") for warning in found.warnings()),
    )
    return found


def as_application_sees_it(operation: Operation) -> Operation:
    """Return the operation on a prepared database as one on the legacy database that it is."""
    operation.report.backup_stage = Stage.LEGACY
    return replace(operation, layout=as_legacy(operation.layout))
