"""What a look at a database needs: its layout, and a cursor in which names mean its tables."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from jmsk.postgres.queries import Part, column, row, rows, spelled, value

T = TypeVar("T")


@dataclass(frozen=True)
class Inspector:
    """What a check may look at. Unqualified names mean the tables' own schema."""

    connection: BaseDatabaseWrapper
    cursor: Any
    layout: Layout
    _answers: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, read: Callable[..., T], *arguments: str) -> T:
        """Return ``read(cursor, *arguments)``, read once, however many checks want to know."""
        question = (read, *arguments)
        if question not in self._answers:
            self._answers[question] = read(self.cursor, *arguments)
        answer: T = self._answers[question]
        return answer

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run ``query`` and return its rows."""
        return rows(self.cursor, query, parameters)

    def column(self, query: str, parameters: Any = None) -> list[Any]:
        """Run ``query`` and return the first value of each of its rows."""
        return column(self.cursor, query, parameters)

    def row(self, query: str, parameters: Any = None) -> tuple[Any, ...]:
        """Run ``query`` and return its first row."""
        return row(self.cursor, query, parameters)

    def value(self, query: str, parameters: Any = None) -> Any:
        """Run ``query`` and return the first value of its first row."""
        return value(self.cursor, query, parameters)

    def counts(self, names: Iterable[str]) -> dict[str, int]:
        """Return the number of rows of each of the tables ``names``."""
        return {name: self.value(f"SELECT count(*) FROM {name}") for name in names}

    def oids(self, names: Iterable[str] = LEGACY_NAMES) -> list[int]:
        """Return the oids of the tables ``names``."""
        return self.layout.oids(names)

    def text(self, part: Part) -> str:
        """Return a name, or SQL, as text, names quoted."""
        return spelled(self.cursor, part)
