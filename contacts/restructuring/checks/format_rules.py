"""The check rules of the target, and the rows that break them."""

from functools import partial

from contacts.restructuring.checks.base import Check, Finding, Severity, rows
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import check_rules, legacy_models, target_models
from jmsk.postgres.check_rules import rows_breaking


def rule_breakers(inspector: Inspector, rule_name: str, table: str) -> Finding:
    """The rows of ``table`` that break the check rule ``rule_name``."""
    rules = {rule.name: rule for _, rule in check_rules(target_models())}
    model = {**legacy_models(), **target_models()}[table]
    query = rows_breaking(model, rules[rule_name], inspector.connection.schema_editor())
    return rows(
        inspector, query, f"Row {{id}} of {table} (tenant {{tenant_id}}) breaks {rule_name}"
    )


def rule_check(rule_name: str, table: str) -> Check:
    """Return the check that tells which rows of ``table`` break ``rule_name``."""
    return Check(
        rule_name,
        f"Values that {rule_name} would refuse",
        Severity.WARNING,
        partial(rule_breakers, rule_name=rule_name, table=table),
        "Nothing is lost: the rule stays pending until these rows have been put right and "
        "'manage.py migrate_contacts --enforce-rules' has been run.",
    )
