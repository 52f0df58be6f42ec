"""What the modes that only look say of a prepared database."""

from dataclasses import replace

from contacts.restructuring.database.layout import Stage, as_legacy
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.preparation.status import Status, read_status
from contacts.restructuring.reports.overview import preparation_lines


def say_status(operation: Operation) -> Status:
    """Show how far the preparation is, with what should be done about it; return it."""
    with operation.reading_snapshot() as inspector:
        found = read_status(inspector.cursor, operation.layout)
    operation.say(*preparation_lines(found))
    return found


OFFLINE_ONLY = {
    "--defer-rules": "defer_rules",
    "--placeholder-contacts": "placeholder_contacts",
}
"""The options of a migration that the switch does not know, by their names in Options."""


def refuse_offline_options(operation: Operation) -> None:
    """Raise Failure where a prepared database is to be switched with what only offline does."""
    asked = [flag for flag, name in OFFLINE_ONLY.items() if getattr(operation.options, name)]
    if asked:
        raise Failure(
            "MC109",
            f"This database is prepared online, and the switch knows no {' and no '.join(asked)}. "
            f"{UNCHANGED} Leave that out, or take the preparation away with 'manage.py "
            "migrate_contacts --abandon' and migrate offline.",
        )


def as_application_sees_it(operation: Operation) -> Operation:
    """Return the operation on a prepared database as one on the legacy database that it is."""
    operation.report.backup_stage = Stage.LEGACY
    return replace(operation, layout=as_legacy(operation.layout))
