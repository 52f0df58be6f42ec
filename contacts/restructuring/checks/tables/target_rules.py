"""The check rules of the target: whether those in the database say what they have to say."""

from collections.abc import Iterator

from django.db import models

from contacts.restructuring.checks.base import Finding, Found, check
from contacts.restructuring.checks.format_rules import rule_breakers
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import check_rules, target_models
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import TableObject, read_objects
from jmsk.postgres.check_rules import says

Rule = tuple[type[models.Model], models.CheckConstraint]


def changed_rules(inspector: Inspector) -> Iterator[tuple[Rule, TableObject]]:
    """Yield the rules under whose name the database holds something else, with that."""
    for (model, rule), found in present_rules(inspector):
        if found and not says(found.definition, model, rule, inspector.connection.schema_editor()):
            yield (model, rule), found


def lost_rules(inspector: Inspector) -> Iterator[Rule]:
    """Yield the rules that the database lacks though no row breaks them.

    None, where the migration was asked to leave them pending.
    """
    if inspector.once(read_record).rules_deferred:
        return
    for (model, rule), found in present_rules(inspector):
        if not found and not rule_breakers(inspector, rule.name, model._meta.db_table).count:
            yield model, rule


def present_rules(inspector: Inspector) -> Iterator[tuple[Rule, TableObject | None]]:
    """Yield each rule of the models, with what bears its name in the database."""
    tables = [inspector.once(read_objects, table) for table in target_models()]
    present = {item.name: item for objects in tables for item in objects}
    for model, rule in check_rules():
        yield (model, rule), present.get(rule.name)


@check("Check rules as made", name="check_rules")
def rules_as_made(inspector: Inspector) -> Found:
    """Whether each check rule in the database is what its name says."""
    return (
        f"{model._meta.db_table}: {rule.name} is {found.definition}"
        for (model, rule), found in changed_rules(inspector)
    )


@check("Check rules that no row breaks in force")
def rules_in_force(inspector: Inspector) -> Found:
    return (
        f"{model._meta.db_table}: {rule.name} is missing" for model, rule in lost_rules(inspector)
    )


def rows_of_changed_rules(inspector: Inspector) -> Iterator[Finding]:
    """Find the rows that break a rule in whose place something else stands."""
    for (model, rule), _ in changed_rules(inspector):
        yield rule_breakers(inspector, rule.name, model._meta.db_table)
