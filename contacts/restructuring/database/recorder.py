"""The statements of a transaction, as the server gets them, and the lock that each takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extras import Json

from contacts.restructuring.journal import Journal
from jmsk.postgres.queries import rows, value

EXISTING = "SELECT array_agg(oid::bigint) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')"
OWN_LOCKS = """
    SELECT n.nspname || '.' || c.relname, l.mode
      FROM pg_locks l
      JOIN pg_class c ON c.oid = l.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE l.pid = pg_backend_pid() AND l.granted AND l.locktype = 'relation'
       AND c.oid = ANY(%s::oid[]) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1, 2
"""
READING = re.compile(r"\s*(SELECT|WITH|SHOW|TABLE|VALUES)\b", re.IGNORECASE)
EFFECT = re.compile(
    r"\b(set_config|setval|nextval|pg_(try_)?advisory\w*|INSERT|UPDATE|DELETE|LOCK)\b",
    re.IGNORECASE,
)
"""What makes more of a query than a look."""


@dataclass(frozen=True)
class Statement:
    """A statement with its parameters filled in, and the step that ran it.

    ``locks`` are the locks that it was the first to take on tables and views that were there
    before, as (table, mode). ``reads`` says that it only looks.
    """

    step: str
    text: str
    locks: tuple[tuple[str, str], ...] = ()
    reads: bool = False


@dataclass
class Recorder:
    """Keeps the statements of the latest transaction. An execute wrapper of ``connection``.

    What a statement names of people is not needed to judge it: the rows that checks have found,
    which stand in the run's row, are left out.
    """

    connection: BaseDatabaseWrapper
    journal: Journal
    statements: list[Statement] = field(default_factory=list)
    _existing: list[int] = field(default_factory=list)
    _held: set[tuple[str, str]] = field(default_factory=set)

    def __call__(
        self, execute: Any, query: Any, parameters: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        begins = self.connection.connection.info.transaction_status == TRANSACTION_STATUS_IDLE
        result = execute(query, parameters, many, context)
        if begins:
            self.statements.clear()
            self._held.clear()
        with self.connection.connection.cursor() as cursor:
            if begins:
                self._existing = value(cursor, EXISTING)
            asked = (parameters or ()) if many else (parameters,)
            texts = [cursor.mogrify(query, _without_rows(one)).decode() for one in asked]
            self._note("; ".join(texts), self._new_locks(cursor))
        return result

    def _new_locks(self, cursor: Any) -> tuple[tuple[str, str], ...]:
        held = rows(cursor, OWN_LOCKS, [self._existing])
        found = tuple(lock for lock in held if lock not in self._held)
        self._held.update(found)
        return found

    def _note(self, text: str, locks: tuple[tuple[str, str], ...]) -> None:
        reads = bool(READING.match(text)) and not EFFECT.search(text)
        self.statements.append(
            Statement(self.journal.current, text.strip().rstrip(";").rstrip(), locks, reads)
        )


def _without_rows(parameters: Any) -> Any:
    """Return ``parameters`` less the sentences about rows in the results of checks."""
    if not isinstance(parameters, list | tuple):
        return parameters
    return tuple(_impersonal(item) if isinstance(item, Json) else item for item in parameters)


def _impersonal(value: Json) -> Json:
    checks = value.adapted
    if not isinstance(checks, list) or not all(isinstance(item, dict) for item in checks):
        return value
    bare = [{**item, "rows": []} if "rows" in item else item for item in checks]
    return type(value)(bare, value.dumps)
