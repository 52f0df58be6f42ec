"""What the run that migrated wrote down for the way back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.apps import apps

from contacts.runs import created_companies, latest_migration


@dataclass(frozen=True)
class MigrationRecord:
    """The default companies that were created, the legacy objects, Alembic's record.

    The legacy objects stand by table; beside them the functions that name what the target has.

    ``finished`` is None for a database whose tables Django made: then nothing was remembered.
    """

    created_companies: tuple[int, ...] = ()
    legacy_objects: dict[str, Any] = field(default_factory=dict)
    alembic: dict[str, Any] = field(default_factory=dict)
    finished: datetime | None = None


def read_record(cursor: Any) -> MigrationRecord:
    """Return the record of the migration that made the database what it is."""
    alias = cursor.db.alias
    run, created = latest_migration(apps, alias), tuple(created_companies(apps, alias))
    if run is None:
        return MigrationRecord(created)
    return MigrationRecord(
        created,
        run.legacy_objects,
        run.alembic,
        run.finished_at,
    )
