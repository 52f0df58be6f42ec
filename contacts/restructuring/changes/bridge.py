"""Making the bridge and taking it away: with a migration or the way back, or by themselves."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.bridge.create import create_bridge
from contacts.restructuring.bridge.description import Bridge, BridgeOptions, read_bridge
from contacts.restructuring.bridge.drop import drop_bridge
from contacts.restructuring.changes.base import FailedChecksError
from contacts.restructuring.checks.base import Result, failed, run_checks
from contacts.restructuring.checks.bridge import WHOLE, bridge_checks
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionOptions,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal

TABLES = ("companies", "contacts", "orders")
"""The tables on which a bridge stands."""


def build_bridge(
    connection: BaseDatabaseWrapper, cursor: Any, wanted: BridgeOptions, journal: Journal
) -> Bridge | None:
    """Make the bridge in the open transaction. The caller holds the tables."""
    with journal.step("bridge", "Making the bridge for the legacy application"):
        return create_bridge(cursor, read_layout(connection), wanted.schema, wanted.roles)


def remove_bridge(cursor: Any, layout: Layout, journal: Journal) -> tuple[str, ...]:
    """Take away the bridge, if one stands; return what is left of it, in sentences."""
    bridge = read_bridge(cursor)
    if bridge is None:
        return ()
    with journal.step("drop bridge", "Taking the bridge away"):
        return tuple(drop_bridge(cursor, layout, bridge))


def add_bridge(
    connection: BaseDatabaseWrapper,
    options: TransactionOptions,
    wanted: BridgeOptions,
    journal: Journal,
) -> TransactionResult[list[Result]]:
    """Make the bridge of a migrated database, in a short transaction of its own, and check it.

    Raises Failure, with the database as it was, if that cannot be done.
    """

    def work(cursor: Any, _: RecoveryPoint) -> list[Result]:
        inspector = Inspector(connection, cursor, options.layout)
        _refuse(run_checks(inspector, bridge_checks(wanted)))
        build_bridge(connection, cursor, wanted, journal)
        cursor.execute("ANALYZE contacts")
        results = run_checks(inspector, [WHOLE])
        _refuse(results)
        return results

    return run_in_transaction(connection, options, journal, work)


def take_bridge_away(
    connection: BaseDatabaseWrapper, options: TransactionOptions, journal: Journal
) -> TransactionResult[tuple[str, ...]]:
    """Take the bridge away in a short transaction of its own; return what is left of it.

    Raises Failure, with the database as it was, if that cannot be done.
    """

    def work(cursor: Any, _: RecoveryPoint) -> tuple[str, ...]:
        return remove_bridge(cursor, options.layout, journal)

    return run_in_transaction(connection, options, journal, work)


def _refuse(results: list[Result]) -> None:
    if failed(results):
        raise FailedChecksError(results)
