"""Putting back what somebody has dropped, replaced or disabled of what the migration made."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from companies.address_policy import FOLLOW_COMPANIES, POLICY
from companies.address_rights import FEED_ADDRESSES, OWN_LIKE_COMPANIES
from contacts.models import RestructuringRun
from contacts.restructuring.bridge.create import remake_bridge
from contacts.restructuring.bridge.description import read_bridge
from contacts.restructuring.changes.base import require_passed
from contacts.restructuring.changes.run_row import recorded
from contacts.restructuring.checks import before_repair
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Result, run_checks
from contacts.restructuring.checks.environment.address_rights import address_rights
from contacts.restructuring.checks.environment.bridge import whole
from contacts.restructuring.checks.environment.row_security import address_policy
from contacts.restructuring.checks.environment.triggers import unsound_triggers
from contacts.restructuring.checks.tables.target_columns import (
    FED,
    RESTRUCTURED,
    lost_defaults,
    nullable_columns,
)
from contacts.restructuring.checks.tables.target_rules import changed_rules, lost_rules
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionOptions,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import target_objects
from jmsk.postgres.catalogue import TableObject
from jmsk.postgres.check_rules import add_rule
from jmsk.postgres.queries import execute
from jmsk.postgres.reconcile import drop, reconcile

EXCLUSIVE = RESTRUCTURED
"""The tables that are locked against readers, too."""


def repair(
    connection: BaseDatabaseWrapper,
    options: TransactionOptions,
    started: datetime,
    journal: Journal,
) -> TransactionResult[list[Result]]:
    """Make what the migration made as it was, in a short transaction of its own, and check it.

    Raises Failure, with the database as it was, if rows do not allow that or a check fails.
    """

    def work(cursor: Any, point: RecoveryPoint) -> list[Result]:
        inspector = Inspector(connection, cursor, options.layout)
        kind = RestructuringRun.Kind.REPAIR
        with journal.step("checks under lock", "Running the checks again, under the lock"):
            require_passed(run_checks(inspector, before_repair.OBSTACLES))
        with recorded(connection, cursor, kind, point, started, journal) as checks:
            with journal.step("repair", "Putting back what the migration made"):
                _put_back(inspector)
            with journal.step("verify", "Running the checks after the migration"):
                now = Inspector(connection, cursor, read_layout(connection))
                checks.extend(run_checks(now, CHECKS_AFTER))
                require_passed(checks)
        return checks

    return run_in_transaction(connection, options, journal, work)


def _put_back(inspector: Inspector) -> None:
    """Put back what differs, and touch nothing else. Triggers come late: they hold the rules."""
    _complete_columns(inspector)
    _give_rights(inspector)
    _make_objects(inspector)
    _make_rules(inspector)
    _make_triggers(inspector)
    _make_bridge(inspector)


def _give_rights(inspector: Inspector) -> None:
    if address_rights.look(inspector).count:
        inspector.cursor.execute(OWN_LIKE_COMPANIES)
    if address_policy.look(inspector).count:
        execute(inspector.cursor, "DROP POLICY IF EXISTS {} ON addresses", POLICY)
        inspector.cursor.execute(FOLLOW_COMPANIES)


def _complete_columns(inspector: Inspector) -> None:
    for table, column in nullable_columns(inspector):
        execute(inspector.cursor, "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column)
    for table, column, default in lost_defaults(inspector):
        if default == FED:
            inspector.cursor.execute(FEED_ADDRESSES)
            continue
        statement = f"ALTER TABLE {{}} ALTER COLUMN {{}} SET DEFAULT {default}"
        execute(inspector.cursor, statement, table, column)


def _make_objects(inspector: Inspector) -> None:
    """Make keys and indexes: foreign keys after what they refer to."""
    for referring in (False, True):
        for table in RESTRUCTURED:
            wanted = [item for item in target_objects(table) if bool(item.reference) is referring]
            reconcile(inspector.cursor, table, wanted, _instead_of(wanted))


def _instead_of(wanted: Sequence[TableObject]) -> Callable[[TableObject], bool]:
    """Return what tells the foreign keys that say something else of the columns of ``wanted``."""
    columns = {item.columns for item in wanted if item.reference}
    return lambda item: bool(item.reference) and item.columns in columns


def _make_rules(inspector: Inspector) -> None:
    changed = list(changed_rules(inspector))
    for (model, _), found in changed:
        drop(inspector.cursor, model._meta.db_table, found)
    rules = [rule for rule, _ in changed]
    with inspector.connection.schema_editor() as editor:
        for model, rule in [*rules, *(rule for rule in lost_rules(inspector) if rule not in rules)]:
            add_rule(model, rule, editor)


def _make_triggers(inspector: Inspector) -> None:
    unsound = {trigger.name: trigger for trigger, _ in unsound_triggers(inspector)}
    for trigger in unsound.values():
        inspector.cursor.execute(trigger.reverse_sql)
        inspector.cursor.execute(trigger.sql)


def _make_bridge(inspector: Inspector) -> None:
    standing = read_bridge(inspector.cursor)
    if standing and whole(inspector).count:
        remake_bridge(inspector.cursor, inspector.layout, standing)
