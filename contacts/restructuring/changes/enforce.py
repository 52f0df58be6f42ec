"""Adding the check rules that waited for rows to be put right."""

from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.checks.base import Finding
from contacts.restructuring.checks.format_rules import rule_breakers
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.locks import lock_tables
from contacts.restructuring.database.patience import Patience
from contacts.restructuring.database.reading import reading_snapshot
from contacts.restructuring.database.run_lock import take_run_lock
from contacts.restructuring.database.settings import apply_settings, use_schema
from contacts.restructuring.journal import Event, Journal
from contacts.restructuring.state.expected import check_rules, target_models
from jmsk.postgres.catalogue import read_objects


@dataclass(frozen=True)
class RuleOutcome:
    """What became of a pending rule: added, or still waiting for the rows of ``finding``."""

    rule: str
    finding: Finding


def pending_rules(inspector: Inspector) -> list[tuple[type[models.Model], models.CheckConstraint]]:
    """Return the rules that the models have and the database lacks."""
    present = {
        item.name for table in target_models() for item in read_objects(inspector.cursor, table)
    }
    return [pair for pair in check_rules(target_models()) if pair[1].name not in present]


def enforce_rules(
    connection: BaseDatabaseWrapper, layout: Layout, patience: Patience, journal: Journal
) -> list[RuleOutcome]:
    """Add each pending rule that no row breaks, in a short transaction of its own."""
    with reading_snapshot(connection, layout, patience, journal.wait) as inspector:
        pending = pending_rules(inspector)
        broken = {
            rule.name: rule_breakers(inspector, rule.name, model._meta.db_table)
            for model, rule in pending
        }
    outcomes = []
    for model, rule in pending:
        finding = broken[rule.name]
        if not finding.count:
            finding = _enforce(connection, layout, model, rule, patience, journal)
        outcomes.append(RuleOutcome(rule.name, finding))
    return outcomes


def _enforce(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    model: Any,
    rule: models.CheckConstraint,
    patience: Patience,
    journal: Journal,
) -> Finding:
    """Add ``rule``, if no row came to break it; return what breaks it."""
    table = layout.tables[model._meta.db_table]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        take_run_lock(cursor)
        apply_settings(cursor, patience)
        use_schema(cursor, layout.schema)
        with journal.step(f"enforce {rule.name}", f"Adding {rule.name}"):
            lock_tables(connection, [table], [], patience, journal)
            finding = rule_breakers(Inspector(connection, cursor, layout), rule.name, table.name)
            if not finding.count:
                with connection.schema_editor() as editor:
                    editor.add_constraint(model, rule)
        if not finding.count:
            journal.tell(Event("begin", "commit", f"Keeping {rule.name}"))
    journal.committed = journal.committed or not finding.count
    return finding
