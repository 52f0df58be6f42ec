"""``--bridge`` on a migrated database, and ``--drop-bridge``."""

from contacts.restructuring.bridge.description import Bridge, BridgeOptions, read_bridge
from contacts.restructuring.bridge.indexes import drop_indexes_beside, standing_indexes
from contacts.restructuring.changes import bridge as changes
from contacts.restructuring.checks.environment.bridge import bridge_checks
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.transaction import TransactionOptions
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.online import worker
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.state.unsettled import still_there
from jmsk.wording import counted


def add_bridge(operation: Operation) -> None:
    """Check, ask, and make the bridge of a migrated database."""
    standing = _standing(operation)
    if standing:
        operation.nothing_to_do(
            f"The bridge stands already, in schema {standing.schema}: nothing to do."
        )
        return
    wanted = operation.options.bridge or BridgeOptions()
    operation.say_database()
    steps.section(operation, "CHECKS BEFORE THE BRIDGE")
    steps.check_first(operation, bridge_checks(wanted), lambda *_: None)
    operation.refuse_failed(operation.report.before)
    consequences = [
        f"schema {wanted.schema} gets the views customers and orders",
        *(f"new sessions of {role} see them" for role in wanted.roles),
        "contacts gets two indexes, built while others write",
        "writers of contacts, orders and companies then wait for a moment",
    ]
    steps.section(operation, "READY TO MAKE THE BRIDGE")
    operation.say_database()
    steps.confirm(operation, consequences)
    steps.section(operation, "MAKING THE BRIDGE")
    options = _options(operation, shared=changes.TABLES)
    ended = changes.add_bridge(
        operation.connection, options, wanted, operation.report.started, operation.journal
    )
    operation.report.after = tuple(ended.value)
    operation.say(*result_lines(ended.value))
    operation.nothing_to_do(
        f"✓ The bridge stands in schema {wanted.schema}: a role whose search_path leads there "
        "first sees the legacy tables."
    )


def drop_bridge(operation: Operation) -> None:
    """Say what is still to be settled, ask, and take the bridge away."""
    standing = _standing(operation)
    if standing is None:
        _drop_what_is_left(operation)
        return
    operation.say_database()
    with operation.reading_snapshot() as inspector:
        placed = [company for company in still_there(inspector) if company.contacts]
    steps.section(operation, "READY TO DROP THE BRIDGE")
    operation.say(
        *(
            Line(
                f"{company.tenant}: {counted(company.contacts, 'contact')} still where the "
                "migration placed them: without the bridge no program shows them without a company"
            )
            for company in placed
        )
    )
    consequences = [
        f"schema {standing.schema} goes: sessions that use it find no customers any more",
        "roles that were led to it get their search_path back",
        "no row changes",
    ]
    steps.confirm(operation, consequences)
    options = _options(operation, exclusive=changes.TABLES)
    ended = changes.take_bridge_away(
        operation.connection, options, operation.report.started, operation.journal
    )
    operation.say(*(Line(f"Note: {left}", "WARNING") for left in ended.value))
    operation.nothing_to_do("✓ The bridge is gone. No row was changed.")


def _drop_what_is_left(operation: Operation) -> None:
    """Drop the indexes of a ``--bridge`` that was killed while it built them, if any are left."""
    with operation.connection.cursor() as cursor:
        left = sorted(standing_indexes(cursor, operation.layout, valid=False))
    if not left:
        operation.nothing_to_do("No bridge stands: nothing to do.")
        return
    operation.say_database()
    steps.confirm(
        operation, [f"index {name}, of a bridge that was not finished, goes" for name in left]
    )
    with worker(operation).outside() as cursor:
        drop_indexes_beside(cursor, operation.layout)
    operation.nothing_to_do("✓ No bridge stands, and what was left of one is gone.")


def _standing(operation: Operation) -> Bridge | None:
    with operation.connection.cursor() as cursor:
        return read_bridge(cursor)


def _options(
    operation: Operation, exclusive: tuple[str, ...] = (), shared: tuple[str, ...] = ()
) -> TransactionOptions:
    options = operation.options
    return TransactionOptions(
        operation.layout,
        exclusive,
        shared,
        options.patience,
        max_lockout=options.max_lockout,
        rewrites=False,
        views=steps.bridge_views(operation),
    )
