"""What the modes that only look say of a prepared database."""

from dataclasses import replace

from contacts.restructuring.database.layout import Stage, as_legacy
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.preparation.status import Status, read_status
from contacts.restructuring.reports.overview import preparation_lines


def say_status(operation: Operation) -> Status:
    """Show how far the preparation is, with what should be done about it; return it."""
    with operation.reading_snapshot() as inspector:
        found = read_status(inspector.cursor, operation.layout)
    operation.say(*preparation_lines(found))
    return found


def as_application_sees_it(operation: Operation) -> Operation:
    """Return the operation on a prepared database as one on the legacy database that it is."""
    operation.report.backup_stage = Stage.LEGACY
    return replace(operation, layout=as_legacy(operation.layout))
