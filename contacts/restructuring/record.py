"""What the run that migrated wrote down for the way back."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RECORD = """
    SELECT created_companies::text, legacy_objects::text, alembic::text, finished_at
      FROM contacts_restructuringrun
     WHERE kind = 'migration' ORDER BY started_at DESC LIMIT 1
"""


@dataclass(frozen=True)
class MigrationRecord:
    """The default companies that were created, the legacy objects by table, Alembic's record.

    ``finished`` is None for a database whose tables Django made: then nothing was remembered.
    """

    created_companies: tuple[int, ...] = ()
    legacy_objects: dict[str, Any] = field(default_factory=dict)
    alembic: dict[str, Any] = field(default_factory=dict)
    finished: datetime | None = None


def read_record(cursor: Any) -> MigrationRecord:
    """Return the record of the latest migration."""
    cursor.execute(RECORD)
    row = cursor.fetchone()
    if row is None:
        return MigrationRecord()
    created, objects, alembic = (json.loads(item) for item in row[:3])
    return MigrationRecord(tuple(created), objects, alembic, row[3])
