"""What the run that migrated wrote down for the way back."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RECORD = """
    SELECT created_companies::text, legacy_objects::text, finished_at
      FROM contacts_restructuringrun
     WHERE kind = 'migration' ORDER BY started_at DESC LIMIT 1
"""


@dataclass(frozen=True)
class MigrationRecord:
    """The default companies that were created, and the legacy objects by table.

    ``finished`` is None for a database whose tables Django made: then nothing was remembered.
    """

    created_companies: tuple[int, ...] = ()
    legacy_objects: dict[str, Any] = field(default_factory=dict)
    finished: datetime | None = None


def read_record(cursor: Any) -> MigrationRecord:
    """Return the record of the latest migration."""
    cursor.execute(RECORD)
    row = cursor.fetchone()
    if row is None:
        return MigrationRecord()
    return MigrationRecord(tuple(json.loads(row[0])), json.loads(row[1]), row[2])
