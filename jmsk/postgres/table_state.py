"""What a table was like before the restructuring, remembered as JSON, and how to put it back."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import models
from psycopg2 import sql

from jmsk.postgres.catalogue import TableObject, Type, model_objects, read_objects
from jmsk.postgres.reconcile import reconcile

NOT_NULL = """
    SELECT attname, attnotnull FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def read_state(cursor: Any, table: str) -> dict[str, Any]:
    """Return the objects of ``table``, its columns' nullability and where its sequence stands."""
    return {
        "objects": [item.as_dict() for item in read_objects(cursor, table)],
        "not_null": _not_null(cursor, table),
        "sequence": _sequence_state(cursor, table),
    }


def state_of_model(model: type[models.Model]) -> dict[str, Any]:
    """Return what :func:`read_state` would have seen in a table that ``model`` made."""
    return {
        "objects": [item.as_dict() for item in model_objects(model)],
        "not_null": {str(field.column): not field.null for field in model._meta.concrete_fields},
        "sequence": None,
    }


def remembered_objects(remembered: dict[str, Any]) -> list[TableObject]:
    """Return the objects that :func:`read_state` saw."""
    return [TableObject.from_dict(item) for item in remembered["objects"]]


def restore_key(cursor: Any, table: str, remembered: dict[str, Any]) -> None:
    """Give ``table`` the primary key that :func:`read_state` saw, if somebody has dropped it since.

    Foreign keys need it, those of the tables that are put back before this one as well.
    """
    if any(item.type is Type.PRIMARY_KEY for item in read_objects(cursor, table)):
        return
    keys = [item for item in remembered_objects(remembered) if item.type is Type.PRIMARY_KEY]
    reconcile(cursor, table, keys, lambda item: False)


def restore_state(
    cursor: Any,
    table: str,
    remembered: dict[str, Any],
    added: Collection[str],
    restarted: int | None = None,
) -> None:
    """Make ``table`` what :func:`read_state` saw.

    Objects named in ``added`` go, unless they were there. ``restarted`` is the value with which the
    restructuring restarted the sequence; None: leave the sequence where it stands.
    """
    now = _not_null(cursor, table)
    was = remembered["not_null"]
    wanted = remembered_objects(remembered)
    named = {name for item in wanted if item.type is Type.NOT_NULL for name in item.columns}
    # First: an index that is the replica identity needs it. What has a constraint of its own, as
    # on PostgreSQL 18, gets that one, which may be NOT VALID.
    missing = [column for column in was if was[column] and not now.get(column, True)]
    _alter(cursor, table, "SET NOT NULL", [column for column in missing if column not in named])
    reconcile(cursor, table, wanted, lambda item: item.name in added)
    # Last: a primary key that has just gone held its columns to it.
    superfluous = [column for column in was if not was[column] and now.get(column, False)]
    _alter(cursor, table, "DROP NOT NULL", superfluous)
    _put_back_sequence(cursor, table, remembered["sequence"], restarted)


def _alter(cursor: Any, table: str, action: str, columns: Iterable[str]) -> None:
    for column in columns:
        statement = sql.SQL("ALTER TABLE {} ALTER COLUMN {} " + action)
        cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(column)))


def _not_null(cursor: Any, table: str) -> dict[str, bool]:
    cursor.execute(NOT_NULL, [table])
    return dict(cursor.fetchall())


def _sequence_state(cursor: Any, table: str) -> list[Any] | None:
    """Return the last value and whether it was called, or None if the key has no sequence."""
    sequence = _sequence(cursor, table)
    if sequence is None:
        return None
    cursor.execute(f"SELECT last_value, is_called FROM {sequence}")
    return list(cursor.fetchone())


def _put_back_sequence(
    cursor: Any, table: str, state: list[Any] | None, restarted: int | None
) -> None:
    """Set the sequence back, if it stands exactly where the restructuring restarted it."""
    if state is None or restarted is None or _sequence_state(cursor, table) != [restarted, False]:
        return
    sequence = _sequence(cursor, table)
    # RESTART gives the sequence a new file, so that setval is undone with the transaction.
    cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {int(state[0])}")
    cursor.execute("SELECT setval(%s::regclass, %s, %s)", [sequence, *state])


def _sequence(cursor: Any, table: str) -> str | None:
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
    return cursor.fetchone()[0]
