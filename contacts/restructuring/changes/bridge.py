"""Making the bridge and taking it away: with a migration or the way back, or by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.models import RestructuringRun
from contacts.restructuring.bridge.create import create_bridge
from contacts.restructuring.bridge.description import Bridge, BridgeOptions, read_bridge
from contacts.restructuring.bridge.drop import drop_bridge
from contacts.restructuring.bridge.indexes import drop_indexes, drop_indexes_beside
from contacts.restructuring.changes.base import require_passed
from contacts.restructuring.changes.run_row import recorded
from contacts.restructuring.checks.base import Result, run_checks
from contacts.restructuring.checks.environment.bridge import WHOLE, bridge_checks
from contacts.restructuring.database.broken_off import broken_off
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionOptions,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.failures import Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.preparation.work import Worker, run_lock_held
from contacts.restructuring.switching.bridge_indexes import build_beside

TABLES = ("companies", "contacts", "orders")
"""The tables on which a bridge stands."""


def build_bridge(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    wanted: BridgeOptions,
    journal: Journal,
    *,
    indexes: bool = True,
) -> Bridge | None:
    """Make the bridge in the open transaction. The caller holds the tables.

    Without ``indexes`` they are left to be built after COMMIT, while others write.
    """
    with journal.step("bridge", "Making the bridge for the legacy application"):
        layout = read_layout(connection)
        return create_bridge(cursor, layout, wanted.schema, wanted.roles, indexes=indexes)


def remove_bridge(cursor: Any, layout: Layout, journal: Journal) -> tuple[str, ...]:
    """Take away the bridge, if one stands; return what is left of it, in sentences."""
    bridge = read_bridge(cursor)
    if bridge is None:
        drop_indexes(cursor, layout)  # of a call that was killed while it built them
        return ()
    with journal.step("drop bridge", "Taking the bridge away"):
        return tuple(drop_bridge(cursor, layout, bridge))


def add_bridge(
    connection: BaseDatabaseWrapper,
    options: TransactionOptions,
    wanted: BridgeOptions,
    started: datetime,
    journal: Journal,
) -> TransactionResult[list[Result]]:
    """Make the bridge of a migrated database, in a short transaction of its own, and check it.

    Its indexes are built before, while others write. Raises Failure, with the database as it was,
    if that cannot be done.
    """

    def work(cursor: Any, point: RecoveryPoint) -> list[Result]:
        inspector = Inspector(connection, cursor, options.layout)
        before = run_checks(inspector, bridge_checks(wanted))
        require_passed(before)
        kind = RestructuringRun.Kind.BRIDGE
        with recorded(connection, cursor, kind, point, started, journal) as checks:
            build_bridge(connection, cursor, wanted, journal)
            after = run_checks(inspector, [WHOLE])
            require_passed(after)
            checks += [*before, *after]
        return after

    with _indexes_beside(connection, options.layout, journal):
        return run_in_transaction(connection, options, journal, work)


@contextmanager
def _indexes_beside(
    connection: BaseDatabaseWrapper, layout: Layout, journal: Journal
) -> Iterator[None]:
    """Build the bridge's indexes while others write; take them away again if the block fails."""
    worker = Worker(connection, layout, journal)
    try:
        with journal.step("bridge indexes", "Building the bridge's indexes beside the application"):
            _build_indexes(worker)
        yield
    except (DatabaseError, InterfaceError, KeyboardInterrupt, Failure) as error:
        connection.close()
        with worker.outside() as cursor:
            # One stands where the answer to COMMIT was lost, or another call was quicker.
            if read_bridge(cursor) is None:
                drop_indexes_beside(cursor, layout)
        if isinstance(error, Failure):
            raise
        raise broken_off(error, journal) from error


def _build_indexes(worker: Worker) -> None:
    with run_lock_held(worker.connection):
        standing = worker.transact(read_bridge, "looking for a bridge")
        if standing is None:
            build_beside(worker)


def take_bridge_away(
    connection: BaseDatabaseWrapper,
    options: TransactionOptions,
    started: datetime,
    journal: Journal,
) -> TransactionResult[tuple[str, ...]]:
    """Take the bridge away in a short transaction of its own; return what is left of it.

    Raises Failure, with the database as it was, if that cannot be done.
    """

    def work(cursor: Any, point: RecoveryPoint) -> tuple[str, ...]:
        kind = RestructuringRun.Kind.BRIDGE_DROPPED
        with recorded(connection, cursor, kind, point, started, journal):
            return remove_bridge(cursor, options.layout, journal)

    return run_in_transaction(connection, options, journal, work)
