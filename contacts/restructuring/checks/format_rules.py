"""The check rules of the target, and the rows that break them."""

from collections.abc import Callable, Mapping
from functools import partial

from contacts.restructuring.checks.base import Check, Finding, Found, Severity, Tag, rows, tagged
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import check_rules, legacy_models, target_models
from jmsk.postgres.catalogue import read_objects
from jmsk.postgres.check_rules import column_of, rows_breaking

COMPANIES = {"ck_companies_email_format": "companies", "ck_companies_phone_format": "companies"}
BEFORE = {
    "ck_contacts_email_format": "customers",
    "ck_contacts_phone_format": "customers",
    **COMPANIES,
}
AFTER = {
    "ck_contacts_email_format": "contacts",
    "ck_contacts_phone_format": "contacts",
    **COMPANIES,
    "ck_companies_fax_format": "companies",
    "ck_addresses_zip_format": "addresses",
}
"""The table of each rule whose column the legacy schema has, and of each rule."""


def rule_breakers(inspector: Inspector, rule_name: str, table: str) -> Finding:
    """Find the rows of ``table`` that break the check rule ``rule_name``."""
    rules = {rule.name: rule for _, rule in check_rules()}
    model = {**legacy_models(), **target_models()}[table]
    query = rows_breaking(model, rules[rule_name], inspector.connection.schema_editor())
    return rows(
        inspector,
        query,
        f"Row {{id}} of {table} (tenant {{tenant_id}}) breaks {rule_name}",
        value=f"{{{column_of(rules[rule_name])}!r}}",
    )


def pending_rule(inspector: Inspector, rule_name: str, table: str) -> Found:
    """Find the rows that keep a check rule out of the database, or that it lacks it without any."""
    finding = rule_breakers(inspector, rule_name, table)
    present = any(item.name == rule_name for item in inspector.once(read_objects, table))
    if finding.count or present:
        return finding
    return [f"No row of {table} breaks {rule_name}, but the database does not hold it"]


def _checks(find: Callable[..., Found], rules: Mapping[str, str]) -> tuple[Check, ...]:
    return tagged(
        Tag.FORMAT_RULE,
        *(
            Check(
                name,
                f"Rows keep {name}",
                partial(find, rule_name=name, table=table),
                "Nothing is lost: the rule is pending until these rows have been put right and "
                "'manage.py migrate_contacts --enforce-rules' has been run.",
                Severity.WARNING,
            )
            for name, table in rules.items()
        ),
    )


CHECKS = _checks(rule_breakers, BEFORE)
CHECKS_AFTER = _checks(pending_rule, AFTER)
