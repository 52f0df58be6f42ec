"""The checks before a restore."""

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.checks.base import Check, Tag
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.checks.environment import WRITABLE
from contacts.restructuring.checks.legacy_tables import READABLE_ROWS
from contacts.restructuring.checks.privileges import OWN_RIGHTS, REFERRING_TABLES, TEMPORARY
from contacts.restructuring.database.layout import Layout, Stage

ALWAYS = (OWN_RIGHTS, TEMPORARY, REFERRING_TABLES, READABLE_ROWS, WRITABLE)


def checks_for_restore(layout: Layout, backup: Backup) -> tuple[Check, ...]:
    """Return the checks that must pass before ``backup`` is restored."""
    if not must_go_back(layout, backup):
        return ALWAYS
    return (*(check for check in CHECKS_BACK if Tag.WAY_BACK in check.tags), *ALWAYS)


def must_go_back(layout: Layout, backup: Backup) -> bool:
    """Return whether a restore of ``backup`` reverses the restructuring first."""
    return layout.stage is Stage.MIGRATED and backup.manifest.stage == Stage.LEGACY
