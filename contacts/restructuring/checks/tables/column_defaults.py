"""Defaults that the legacy schema has and this database lacks: what that means for programs."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Value

from contacts.restructuring.checks.base import Severity, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import legacy_models
from jmsk.postgres.fields import DatabaseNow, SerialField


@check(
    "Defaults of the columns as expected",
    "Nothing to do for the restructuring, which leaves defaults as they are and gives companies "
    "that it creates their times itself. A program that leaves these columns to the database fails "
    "where it reads NULL, or cannot write: let it write them, or ALTER TABLE … SET DEFAULT.",
    Severity.WARNING,
)
def missing_defaults(inspector: Inspector) -> Iterator[str]:
    for table, model in legacy_models().items():
        fields = {str(field.column): field for field in model._meta.concrete_fields}
        for column in inspector.layout.tables[table].columns:
            expected = _expected(fields[column.name]) if column.name in fields else ""
            if expected and not (column.default or column.identity or column.generated):
                becomes = "is refused" if column.not_null else "holds NULL there"
                yield (
                    f"{table}.{column.name} has no default ({expected} is expected): a row that is "
                    f"written without it {becomes}"
                )


def _expected(field: Any) -> str:
    """Return what the legacy schema writes where nothing is said, or '' for nothing."""
    if isinstance(field, SerialField):
        return "the next number of a sequence"
    if not field.has_db_default():
        return ""
    if isinstance(field.db_default, DatabaseNow):
        return "now()"
    value = field.db_default
    return str(value.value if isinstance(value, Value) else value)
