"""What a look at a database needs: its layout, and a cursor in which names mean its tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import rows


@dataclass(frozen=True)
class Inspector:
    """What a check may look at. Unqualified names mean the tables' own schema."""

    connection: BaseDatabaseWrapper
    cursor: Any
    layout: Layout

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run ``query`` and return its rows."""
        return rows(self.cursor, query, parameters)

    def value(self, query: str, parameters: Any = None) -> Any:
        """Run ``query`` and return the first value of its first row."""
        return self.rows(query, parameters)[0][0]

    def counts(self, names: Iterable[str]) -> dict[str, int]:
        """Return the number of rows of each of the tables ``names``."""
        return {name: self.value(f"SELECT count(*) FROM {name}") for name in names}

    def oids(self, names: Iterable[str]) -> list[int]:
        """Return the oids of the tables ``names``."""
        return [self.layout.tables[name].oid for name in names]

    def text(self, composed: sql.Composable) -> str:
        """Return ``composed`` as text, names quoted."""
        return str(composed.as_string(self.cursor.connection))
