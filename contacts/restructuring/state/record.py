"""What the run that migrated wrote down for the way back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps

from contacts.created_companies import Row
from contacts.placeholders import placeholders_in
from contacts.runs import created_rows, latest_migration

RULES_DEFERRED = "rules_deferred"
"""The key under which the run remembers it, beside the tables."""


@dataclass(frozen=True)
class MigrationRecord:
    """The default companies as they were created, the legacy objects, Alembic's record.

    The legacy objects stand by table; beside them the functions that name what the target has.

    ``finished`` is None for a database whose tables Django made: then nothing was remembered.
    """

    created: Mapping[int, Row | None] = field(default_factory=dict)
    legacy_objects: dict[str, Any] = field(default_factory=dict)
    alembic: dict[str, Any] = field(default_factory=dict)
    finished: datetime | None = None

    @property
    def created_companies(self) -> tuple[int, ...]:
        """Their ids."""
        return tuple(self.created)

    @property
    def names_customers(self) -> bool:
        """Whether each order has to name its customer again; without a record it has to."""
        remembered = self.legacy_objects.get("orders")
        return remembered is None or bool(remembered["not_null"]["customer_name"])

    @property
    def placeholders(self) -> dict[int, Row]:
        """The contacts that were made for orders without one, as they were made."""
        return placeholders_in(self.legacy_objects)

    @property
    def rules_deferred(self) -> bool:
        """Whether the check rules were to stay pending from the start."""
        return bool(self.legacy_objects.get(RULES_DEFERRED))


def read_record(cursor: Any) -> MigrationRecord:
    """Return the record of the migration that made the database what it is."""
    alias = cursor.db.alias
    run, created = latest_migration(apps, alias), created_rows(apps, alias)
    if run is None:
        return MigrationRecord(created)
    return MigrationRecord(created, run.legacy_objects, run.alembic, run.finished_at)
