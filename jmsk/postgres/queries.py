"""Statements with named parts, and the answers to queries."""

from collections.abc import Iterable
from typing import Any

from psycopg2 import sql

Query = str | sql.Composable


def compose(template: str, **parts: str | sql.Composable) -> sql.Composed:
    """Return the statement ``template`` with ``parts`` in the places that bear their names.

    A string is a name, which is quoted; SQL stands as it is.
    """
    composed = {
        key: sql.Identifier(part) if isinstance(part, str) else part for key, part in parts.items()
    }
    return sql.SQL(template).format(**composed)


def execute(cursor: Any, template: str, **parts: str | sql.Composable) -> None:
    """Run the statement that :func:`compose` returns."""
    cursor.execute(compose(template, **parts))


def listed(parts: Iterable[str | sql.Composable]) -> sql.Composed:
    """Return ``parts`` with commas between them, strings as quoted names."""
    return sql.SQL(", ").join(
        sql.Identifier(part) if isinstance(part, str) else part for part in parts
    )


def rows(cursor: Any, query: Query, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run ``query`` and return its rows."""
    cursor.execute(query, parameters)
    return list(cursor.fetchall())


def column(cursor: Any, query: Query, parameters: Any = None) -> list[Any]:
    """Run ``query`` and return the first value of each of its rows."""
    return [row[0] for row in rows(cursor, query, parameters)]


def value(cursor: Any, query: Query, parameters: Any = None) -> Any:
    """Run ``query`` and return the first value of its first row."""
    return rows(cursor, query, parameters)[0][0]
