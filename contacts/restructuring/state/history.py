"""What this tool has done to a database, as the rows of its runs tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jmsk.postgres.django_schema import own_name
from jmsk.postgres.queries import rows, value

READABLE = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), false)"
RUNS = """
    SELECT kind, started_at, finished_at, operating_system_user, database_user, backup_path
      FROM {} ORDER BY id DESC
"""


@dataclass(frozen=True)
class Run:
    """A committed run: ``finished`` is the moment just before its COMMIT."""

    kind: str
    started: datetime
    finished: datetime | None
    operating_system_user: str
    database_user: str
    backup_path: str


def read_runs(cursor: Any) -> tuple[Run, ...]:
    """Return the committed runs, the latest first; none where nothing is recorded or readable."""
    table = own_name("contacts_restructuringrun")
    if not value(cursor, READABLE, [table]):
        return ()
    return tuple(Run(*row) for row in rows(cursor, RUNS.format(table)))
