"""Model fields for columns that SQLAlchemy made and Django has no field for."""

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import lookups
from django.db.models.expressions import Func


class DatabaseNow(Func):
    """``now()``, spelled as the legacy defaults spell it."""

    function = "now"
    arity = 0
    output_field = models.DateTimeField()


class AtUTC(Func):
    """A timestamp without a zone as the moment that it is, for Django's parts and truncations."""

    template = "%(expressions)s AT TIME ZONE 'UTC'"
    arity = 1
    output_field = models.DateTimeField()


class SerialField(models.AutoField):
    """An integer key fed by a sequence of its own.

    Django makes identity columns; the legacy tables have ``serial`` ones, and so must the tables
    that Django makes for a database that starts from nothing.
    """

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """``serial`` is a spelling of CREATE TABLE only: the column's type stays ``integer``."""
        return {**super().db_parameters(connection), "type": "serial"}

    def db_type_suffix(self, connection: Any) -> None:
        """A serial column is not GENERATED AS IDENTITY."""


# Django finds nothing by a number that no integer holds; production may have made its keys bigint.
for lookup in (
    lookups.Exact,
    lookups.GreaterThan,
    lookups.GreaterThanOrEqual,
    lookups.LessThan,
    lookups.LessThanOrEqual,
):
    SerialField.register_lookup(lookup)


EARLIEST, LATEST = "0001-01-01", "9999-12-31 23:59:59.999999"


class NaiveUTCDateTimeField(models.DateTimeField):
    """An aware datetime kept in a ``timestamp without time zone`` column that holds UTC.

    PostgreSQL's timestamps reach further than Python's, and to infinity. What lies beyond reads as
    ``datetime.min`` or ``datetime.max``, so that one such row does not make a list unreadable;
    whoever saves must therefore name the fields that changed (``update_fields``).
    """

    def db_type(self, connection: Any) -> str:
        return "timestamp without time zone"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Bring the value into Python's range: the driver would raise ValueError."""
        clamped = (
            f"CASE WHEN {sql} > TIMESTAMP '{LATEST}' THEN TIMESTAMP '{LATEST}' "
            f"WHEN {sql} < TIMESTAMP '{EARLIEST}' THEN TIMESTAMP '{EARLIEST}' ELSE {sql} END"
        )
        return clamped, [*params] * 3

    def from_db_value(self, value: datetime | None, expression: Any, connection: Any) -> Any:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = super().get_db_prep_value(value, connection, prepared)
        if not isinstance(value, datetime) or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def get_transform(self, lookup_name: str) -> Any:
        """Let ``__date``, ``__hour`` and their kin start from a moment, not from a wall clock.

        PostgreSQL's ``AT TIME ZONE``, which Django puts around the column, would otherwise take it
        to be in the current time zone already.
        """
        transform = super().get_transform(lookup_name)
        return transform and (lambda column: transform(AtUTC(column)))


class EnumField(models.CharField):
    """A string kept in a column of a PostgreSQL ENUM type.

    Parameters: ``enum_type``, the type's name in the database, and ``choices``, its labels.
    """

    def __init__(self, *args: Any, enum_type: str, **kwargs: Any) -> None:
        self.enum_type = enum_type
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "enum_type": self.enum_type}

    def db_type(self, connection: Any) -> str:
        return self.enum_type

    def cast_db_type(self, connection: Any) -> str:
        """Without it ``bulk_update`` casts to varchar, which PostgreSQL does not assign."""
        return self.enum_type

    def get_prep_value(self, value: Any) -> Any:
        """Refuse, in a lookup, a label that the server would answer with an error.

        Raises ValueError, which the admin's filters turn into "incorrect lookup" instead of a
        server error.
        """
        value = super().get_prep_value(value)
        labels = [label for label, _ in self.flatchoices]
        if isinstance(value, str) and value not in labels:
            raise ValueError(f"{value!r} is not a label of {self.enum_type}: {', '.join(labels)}")
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Write a label unchecked: production may know labels that these choices do not."""
        if isinstance(value, str):
            return value
        return super().get_db_prep_save(value, connection)
