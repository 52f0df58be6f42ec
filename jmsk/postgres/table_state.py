"""What a table was like before the restructuring, remembered as JSON, and how to put it back."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import models

from jmsk.postgres.catalogue import TableObject, Type, model_objects, read_objects
from jmsk.postgres.queries import execute, rows
from jmsk.postgres.reconcile import reconcile
from jmsk.postgres.sequences import State, feeding_sequences, read_position, restart

NOT_NULL = """
    SELECT attname, attnotnull FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def read_state(cursor: Any, table: str) -> dict[str, Any]:
    """Return the objects of ``table``, its columns' nullability and where its sequences stand."""
    return {
        "objects": [item.as_dict() for item in read_objects(cursor, table)],
        "not_null": _not_null(cursor, table),
        "sequences": read_positions(cursor, table),
    }


def state_of_model(model: type[models.Model]) -> dict[str, Any]:
    """Return what :func:`read_state` would have seen in a table that ``model`` made."""
    return {
        "objects": [item.as_dict() for item in model_objects(model)],
        "not_null": {str(field.column): not field.null for field in model._meta.concrete_fields},
        "sequences": {},
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
    left: Mapping[str, State] | None = None,
) -> None:
    """Make ``table`` what :func:`read_state` saw.

    Objects named in ``added`` go, unless they were there. ``left`` says where the
    restructuring left the sequences of columns: one that stands just there is set back.
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
    _restore_positions(cursor, table, remembered["sequences"], left or {})


def _alter(cursor: Any, table: str, action: str, columns: Iterable[str]) -> None:
    for column in columns:
        execute(cursor, f"ALTER TABLE {{}} ALTER COLUMN {{}} {action}", table, column)


def _not_null(cursor: Any, table: str) -> dict[str, bool]:
    return dict(rows(cursor, NOT_NULL, [table]))


def read_positions(cursor: Any, table: str) -> dict[str, State]:
    """Return where the sequences that feed ``table`` stand, by column."""
    return {
        column: read_position(cursor, sequence)
        for column, sequence in feeding_sequences(cursor, table).items()
    }


def _restore_positions(
    cursor: Any, table: str, was: Mapping[str, State], left: Mapping[str, State]
) -> None:
    """Set sequences back, if they stand exactly where the restructuring left them."""
    sequences = feeding_sequences(cursor, table)
    for column, position in left.items():
        sequence = sequences.get(column)
        if sequence and column in was and read_position(cursor, sequence) == position:
            restart(cursor, sequence, was[column])
