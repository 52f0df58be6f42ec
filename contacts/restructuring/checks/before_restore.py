"""The checks before a restore."""

from contacts.restructuring.checks.base import Check, Tag
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.checks.environment import django_project
from contacts.restructuring.checks.environment.privileges import (
    OWN_RIGHTS,
    REFERRING_TABLES,
    TEMPORARY,
)
from contacts.restructuring.checks.environment.server import WRITABLE
from contacts.restructuring.checks.tables.legacy_tables import READABLE_ROWS

ALWAYS = (OWN_RIGHTS, TEMPORARY, REFERRING_TABLES, READABLE_ROWS, WRITABLE, django_project.CHECK)


def checks_for_restore(*, going_back: bool) -> tuple[Check, ...]:
    """Return the checks before a restore, which may have to reverse the migration first."""
    if not going_back:
        return ALWAYS
    return (*(check for check in CHECKS_BACK if Tag.WAY_BACK in check.tags), *ALWAYS)
