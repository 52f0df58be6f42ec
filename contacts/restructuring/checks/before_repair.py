"""The checks before a repair: what is not as the migration made it, and rows in the way."""

from collections.abc import Sequence

from contacts.restructuring.checks import after_migration
from contacts.restructuring.checks.base import Check, Finding, Result, problems, together
from contacts.restructuring.checks.environment import address_rights, bridge, row_security, triggers
from contacts.restructuring.checks.environment.privileges import OWN_RIGHTS
from contacts.restructuring.checks.environment.server import WRITABLE
from contacts.restructuring.checks.tables import target_columns, target_rules
from contacts.restructuring.checks.tables.target_objects import (
    missing_objects,
    rows_of_missing_objects,
)
from contacts.restructuring.database.inspector import Inspector


def damaged_objects(inspector: Inspector) -> Finding:
    """Keys and indexes that are missing or say something else."""
    return problems(told for _, told in missing_objects(inspector))


def rows_in_the_way(inspector: Inspector) -> Finding:
    """Find the rows that break a key or a rule that comes back."""
    return together(
        [rows_of_missing_objects(inspector), target_rules.rows_of_changed_rules(inspector)]
    )


DAMAGE = (
    target_columns.CHECK,
    Check("target_objects", "Keys and indexes as made", damaged_objects),
    Check("rules_in_force", "Check rules that no row breaks in force", target_rules.rules_in_force),
    target_rules.CHANGED,
    triggers.CHECK,
    row_security.ADDRESS_POLICY,
    address_rights.CHECK,
    bridge.WHOLE,
)
"""What each of them finds is put back."""
KEPT = ("consistent_orders", "consistent_tenants", "default_addresses")
"""The checks of the rows that the triggers keep."""
OBSTACLES = (
    Check(
        "rows_in_the_way",
        "Rows keep what comes back",
        rows_in_the_way,
        "Put these rows right: they break a key or a rule that is missing.",
    ),
    *(check for check in after_migration.CHECKS_AFTER if check.id in KEPT),
    OWN_RIGHTS,
    WRITABLE,
)
CHECKS = (*DAMAGE, *OBSTACLES)


def damage(results: Sequence[Result]) -> list[Result]:
    """Return those of ``results`` that found something to put back."""
    ours = {check.id for check in DAMAGE}
    return [result for result in results if result.id in ours and result.finding.count]


def obstacles(results: Sequence[Result]) -> list[Result]:
    """Return those of ``results`` that are about what stands in the way."""
    ours = {check.id for check in OBSTACLES}
    return [result for result in results if result.id in ours]
