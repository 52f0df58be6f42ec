"""The checks before a restore."""

from contacts.restructuring.checks.base import Check, Tag
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.checks.environment.django_project import django_project
from contacts.restructuring.checks.environment.privileges import (
    own_rights,
    referring_tables,
    temporary_tables,
)
from contacts.restructuring.checks.environment.server import writable
from contacts.restructuring.checks.tables.legacy_tables import readable_rows

ALWAYS = (own_rights, temporary_tables, referring_tables, readable_rows, writable, django_project)


def checks_for_restore(*, going_back: bool) -> tuple[Check, ...]:
    """Return the checks before a restore, which may have to reverse the migration first."""
    if not going_back:
        return ALWAYS
    return (*(check for check in CHECKS_BACK if Tag.WAY_BACK in check.tags), *ALWAYS)
