"""The columns that the restructuring makes: whether they may be NULL, and their defaults."""

import re
from collections.abc import Iterator
from typing import Any

from contacts.restructuring.checks.base import check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.tables import Column
from contacts.restructuring.state.expected import RENAMED, legacy_models, target_models

RESTRUCTURED = ("companies", "contacts", "orders", "addresses")
LEGACY_NAME = {new: old for old, new in RENAMED.items()}
CASTS = re.compile(r"::[a-z ]+(\(\d+\))?")
SEQUENCE = "SELECT pg_get_serial_sequence('addresses', 'id')"
FED = "nextval"
"""The default of a key that a sequence of its own feeds."""


def nullable_columns(inspector: Inspector) -> Iterator[tuple[str, str]]:
    """Yield the tables and columns that the restructuring makes NOT NULL, and that may be NULL."""
    for table, field, column, _ in _changed_columns(inspector):
        if not field.null and not column.not_null:
            yield table, column.name


def lost_defaults(inspector: Inspector) -> Iterator[tuple[str, str, str]]:
    """Yield the tables and columns that lack the default they were made with, and that default.

    It is FED for the key of addresses.
    """
    for table, field, column, new in _changed_columns(inspector):
        wanted = _default(inspector, field) if new and not column.identity else None
        if wanted == FED:
            if not (column.default or "").startswith(FED) or not inspector.value(SEQUENCE):
                yield table, column.name, FED
        elif wanted is not None and _plain(column.default) != _plain(wanted):
            yield table, column.name, wanted


@check("Columns of the restructuring as made")
def added_columns(inspector: Inspector) -> Iterator[str]:
    """Columns of the restructuring that may be NULL, or lack their default, unlike as made."""
    for table, name in nullable_columns(inspector):
        yield f"{table}.{name} may be NULL"
    for table, name, _ in lost_defaults(inspector):
        yield f"{table}.{name} has not its default"


def _changed_columns(inspector: Inspector) -> Iterator[tuple[str, Any, Column, bool]]:
    """Yield table, field and present column of what is new (True), or may be NULL or no more.

    What others have dropped since is not ours to bring back.
    """
    for table in RESTRUCTURED:
        was = legacy_models().get(LEGACY_NAME.get(table, table))
        before = {field.column: field for field in was._meta.local_fields} if was else {}
        present = inspector.layout.tables[table].by_name
        for field in target_models()[table]._meta.local_fields:
            name = str(field.column)
            new = name not in before
            if name in present and (new or before[name].null is not field.null):
                yield table, field, present[name], new


def _default(inspector: Inspector, field: Any) -> str | None:
    if field.primary_key:
        return FED
    if not field.has_db_default():
        return None
    editor = inspector.connection.schema_editor()
    template, values = editor.db_default_sql(field)
    return str(template % tuple(editor.quote_value(value) for value in values))


def _plain(default: str | None) -> str:
    """Return a default without its casts and the parentheses around it."""
    text = CASTS.sub("", default or "")
    return text[1:-1] if text.startswith("(") else text
