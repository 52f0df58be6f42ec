"""A second look at the rows as they were at the lock, after COMMIT and beside everybody.

A second connection takes its snapshot under the switch's locks, before COMMIT: it sees what was
there then, whatever is written afterwards. Reading it needs no lock, so the whole of the journal's
word can still be checked against the rows themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.database.reading import SNAPSHOT
from contacts.restructuring.database.settings import apply_reading_settings
from contacts.restructuring.proof.prepared_meaning import meanings, read_rows
from contacts.restructuring.state.legacy_objects import now_called
from contacts.restructuring.switching.touched import Beginning


@dataclass
class Witness:
    """Sees the rows as they were when :meth:`look` was called."""

    connection: BaseDatabaseWrapper
    begun: Beginning | None = None

    def look(self, begun: Beginning) -> None:
        """Take the snapshot. Touches no table."""
        self.begun = begun
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION {SNAPSHOT}")
            apply_reading_settings(cursor, begun.layout.schema)
            cursor.execute("SELECT pg_current_snapshot()")

    def unequal(self) -> list[str]:
        """Return the tables whose rows were not what the journal said, once all is committed."""
        begun = self.begun
        if begun is None:
            raise AssertionError("look() comes first")
        found = meanings(begun.layout, begun.images, renamed=True)
        with self.connection.cursor() as cursor:
            return [
                name
                for name in LEGACY_NAMES
                if read_rows(cursor, found[name], now_called(name)) != begun.expected[name]
            ]


@contextmanager
def witness(connection: BaseDatabaseWrapper) -> Iterator[Witness]:
    """Give a :class:`Witness` on a connection of its own, closed at the end."""
    second = connections.create_connection(connection.alias)
    try:
        second.set_autocommit(False)
        yield Witness(second)
    finally:
        second.close()
