"""The checks before a repair: what is not as the migration made it, and rows in the way."""

from collections.abc import Sequence

from contacts.restructuring.checks import after_migration
from contacts.restructuring.checks.base import Finding, Found, Result, check, together
from contacts.restructuring.checks.environment import bridge
from contacts.restructuring.checks.environment.address_rights import address_rights
from contacts.restructuring.checks.environment.privileges import own_rights
from contacts.restructuring.checks.environment.row_security import address_policy
from contacts.restructuring.checks.environment.server import writable
from contacts.restructuring.checks.environment.triggers import sound_triggers
from contacts.restructuring.checks.tables.target_columns import added_columns
from contacts.restructuring.checks.tables.target_objects import (
    missing_objects,
    rows_of_missing_objects,
)
from contacts.restructuring.checks.tables.target_rules import (
    rows_of_changed_rules,
    rules_as_made,
    rules_in_force,
)
from contacts.restructuring.database.inspector import Inspector


@check("Keys and indexes as made")
def target_objects(inspector: Inspector) -> Found:
    """Keys and indexes that are missing or say something else."""
    return (told for _, told in missing_objects(inspector))


@check(
    "Rows keep what comes back", "Put these rows right: they break a key or a rule that is missing."
)
def rows_in_the_way(inspector: Inspector) -> Finding:
    return together([*rows_of_missing_objects(inspector), *rows_of_changed_rules(inspector)])


DAMAGE = (
    added_columns,
    target_objects,
    rules_in_force,
    rules_as_made,
    sound_triggers,
    address_policy,
    address_rights,
    bridge.WHOLE,
)
"""What each of them finds is put back."""
KEPT = ("consistent_orders", "consistent_tenants", "default_addresses")
"""The checks of the rows that the triggers keep."""
OBSTACLES = (
    rows_in_the_way,
    *(check for check in after_migration.CHECKS_AFTER if check.id in KEPT),
    own_rights,
    writable,
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
