"""Statements with named parts, and the answers to queries."""

from collections.abc import Iterable
from typing import Any

from psycopg2 import sql

Query = str | sql.Composable
Part = str | tuple[str, ...] | sql.Composable
"""What is quoted, a name or a tuple of a schema and a name, or SQL, which stands as it is."""


class BesideParameters(sql.Composable):
    """SQL as a part of a statement with parameters: its own percent signs stand for none."""

    def __init__(self, part: sql.Composable) -> None:
        super().__init__(part)
        self.part = part

    def as_string(self, context: Any) -> str:
        return str(self.part.as_string(context)).replace("%", "%%")


def compose(template: str, *parts: Part, **named: Part) -> sql.Composed:
    """Return the statement ``template`` with the parts in its places, in order or by name."""
    places = {key: _sql(part) for key, part in named.items()}
    return sql.SQL(template).format(*map(_sql, parts), **places)


def execute(cursor: Any, template: str, *parts: Part, **named: Part) -> None:
    """Run the statement that :func:`compose` returns."""
    cursor.execute(compose(template, *parts, **named))


def listed(parts: Iterable[Part], separator: str = ", ") -> sql.Composed:
    """Return ``parts``, as :func:`compose` takes them, with the separator between them."""
    return sql.SQL(separator).join(map(_sql, parts))


def _sql(part: Part) -> sql.Composable:
    if isinstance(part, sql.Composable):
        return part
    return sql.Identifier(*((part,) if isinstance(part, str) else part))


def spelled(cursor: Any, part: Part) -> str:
    """Return a part, as :func:`compose` takes it, as the text that the server gets."""
    return str(_sql(part).as_string(cursor.connection))


def row(cursor: Any, query: Query, parameters: Any = None) -> tuple[Any, ...]:
    """Run ``query`` and return its first row."""
    return rows(cursor, query, parameters)[0]


def rows(cursor: Any, query: Query, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run ``query`` and return its rows."""
    cursor.execute(query, parameters)
    return list(cursor.fetchall())


def column(cursor: Any, query: Query, parameters: Any = None) -> list[Any]:
    """Run ``query`` and return the first value of each of its rows."""
    return [row[0] for row in rows(cursor, query, parameters)]


def value(cursor: Any, query: Query, parameters: Any = None) -> Any:
    """Run ``query`` and return the first value of its first row."""
    return row(cursor, query, parameters)[0]


def is_there(cursor: Any, relation: str) -> bool:
    """Return whether there is a relation of that name, as SQL spells it."""
    return bool(value(cursor, "SELECT to_regclass(%s) IS NOT NULL", [relation]))
