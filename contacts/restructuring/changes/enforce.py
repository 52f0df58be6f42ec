"""Leaving check rules pending, and adding those that waited for rows to be put right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.models import RestructuringRun
from contacts.restructuring.changes.run_row import recorded
from contacts.restructuring.checks.base import Finding
from contacts.restructuring.checks.format_rules import rule_breakers
from contacts.restructuring.checks.tables.target_rules import present_rules
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.reading import reading_snapshot
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionOptions,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import check_rules
from jmsk.postgres.catalogue import read_objects
from jmsk.postgres.check_rules import add_rule
from jmsk.postgres.reconcile import drop


@dataclass(frozen=True)
class PendingRule:
    """A rule that the model has and the database lacks, and the rows that break it."""

    model: type[models.Model]
    rule: models.CheckConstraint
    broken: Finding


@dataclass(frozen=True)
class RuleOutcome:
    """What became of a pending rule: added, or still waiting for the rows of ``finding``."""

    rule: str
    finding: Finding


class _BrokenRuleError(Exception):
    """Rows came to break a rule before its table was locked: nothing is changed."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def leave_rules_pending(cursor: Any) -> None:
    """Take every check rule out of the database, as if rows broke all of them."""
    for model, rule in check_rules():
        table = model._meta.db_table
        for item in read_objects(cursor, table):
            if item.name == rule.name:
                drop(cursor, table, item)


def find_pending(
    connection: BaseDatabaseWrapper, layout: Layout, patience: Patience, journal: Journal
) -> list[PendingRule]:
    """Return the pending rules with the rows that break them."""
    with (
        journal.step("pending rules", "Looking for rows that break pending rules"),
        reading_snapshot(connection, layout, patience, journal.wait) as inspector,
    ):
        return [
            PendingRule(model, rule, rule_breakers(inspector, rule.name, model._meta.db_table))
            for (model, rule), present in present_rules(inspector)
            if present is None
        ]


def enforce_rules(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    pending: Sequence[PendingRule],
    patience: Patience,
    started: datetime,
    journal: Journal,
) -> list[RuleOutcome]:
    """Add each of ``pending`` that no row breaks, in a short transaction of its own.

    All of them together are recorded as one run, which ``started`` then.
    """
    outcomes = []
    for item in pending:
        finding = item.broken
        if not item.broken.count:
            finding = _enforce(connection, layout, item, patience, started, journal)
        outcomes.append(RuleOutcome(item.rule.name, finding))
    return outcomes


def _enforce(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    pending: PendingRule,
    patience: Patience,
    started: datetime,
    journal: Journal,
) -> Finding:
    """Add the rule, if no row came to break it; return what breaks it."""
    model: Any = pending.model
    rule, table = pending.rule, model._meta.db_table
    kind = RestructuringRun.Kind.ENFORCEMENT

    def work(cursor: Any, point: RecoveryPoint) -> None:
        with (
            recorded(connection, cursor, kind, point, started, journal),
            journal.step(f"enforce {rule.name}", f"Adding {rule.name}"),
        ):
            finding = rule_breakers(Inspector(connection, cursor, layout), rule.name, table)
            if finding.count:
                raise _BrokenRuleError(finding)
            with connection.schema_editor() as editor:
                add_rule(model, rule, editor)

    options = TransactionOptions(layout, (table,), (), patience, rewrites=False)
    try:
        run_in_transaction(connection, options, journal, work)
    except _BrokenRuleError as error:
        return error.finding
    return Finding()
