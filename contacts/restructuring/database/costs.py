"""What a run did to the server: which locks it held for how long, and how much space it took."""

import time
from dataclasses import dataclass, field
from typing import Any

from contacts.restructuring.database.tables import NAMES
from contacts.restructuring.journal import Event
from jmsk.postgres.queries import column, rows, value

OWN_LOCKS = """
    SELECT c.relname, l.mode
      FROM pg_locks l
      JOIN pg_class c ON c.oid = l.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE l.pid = pg_backend_pid() AND l.granted AND l.locktype = 'relation'
       AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND c.relname = ANY(%s)
"""
EXISTING = """
    SELECT relname FROM pg_class
     WHERE relkind IN ('r', 'p') AND relnamespace NOT IN (
           SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema')
"""
STRENGTH = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)


@dataclass(frozen=True)
class TableLock:
    """The strongest lock that the run held on a table, and for how many seconds."""

    table: str
    mode: str
    seconds: float


@dataclass
class LockWatch:
    """Looks, after each step, at the locks of the run on tables that were there before it."""

    cursor: Any
    first_seen: dict[tuple[Any, ...], float] = field(default_factory=dict)
    existing: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.existing = column(self.cursor, EXISTING)

    def look(self, event: Event) -> None:
        """Note the locks that the step which has just ended took. A hook of the journal."""
        if event.kind == "end":
            self.note(time.monotonic())

    def note(self, moment: float) -> None:
        """Note the locks that are new: they were asked for at ``moment``."""
        for key in rows(self.cursor, OWN_LOCKS, [self.existing]):
            self.first_seen.setdefault(key, moment)

    def locks(self) -> tuple[TableLock, ...]:
        """Return the strongest lock of each table, the longest held first."""
        now = time.monotonic()
        strongest: dict[str, TableLock] = {}
        for (table, mode), since in sorted(
            self.first_seen.items(), key=lambda item: STRENGTH.index(item[0][1])
        ):
            strongest[table] = TableLock(table, mode, now - since)
        return tuple(sorted(strongest.values(), key=lambda lock: -lock.seconds))


@dataclass(frozen=True)
class Space:
    """Bytes: the size of the tables before and after, and the WAL written between."""

    before: int
    after: int
    wal: int


def tables_size(cursor: Any) -> int:
    """Return the size in bytes of those of our tables that exist, indexes included."""
    size = "SELECT coalesce(sum(pg_total_relation_size(to_regclass(n))), 0) FROM unnest(%s) AS n"
    return int(value(cursor, size, [list(NAMES)]))


def wal_position(cursor: Any) -> str:
    """Return the server's current insert position in the WAL."""
    return str(value(cursor, "SELECT pg_current_wal_insert_lsn()::text"))


def wal_since(cursor: Any, position: str) -> int:
    """Return how many bytes of WAL the server has written since ``position``, by anybody."""
    return int(value(cursor, "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", [position]))
