"""What a table was like before the restructuring, remembered as JSON, and how to put it back."""

import re
from collections.abc import Collection
from typing import Any

from django.db import models
from psycopg2 import sql

from jmsk.catalogue import TableObject, model_objects, read_objects, reconcile

NOT_NULL = """
    SELECT attname, attnotnull FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""

NOT_NULL_RULE = re.compile(r"NOT NULL (\w+)")


def remember(cursor: Any, table: str) -> dict[str, Any]:
    """Return the objects of ``table``, its columns' nullability and where its sequence stands."""
    return {
        "objects": [item.as_dict() for item in read_objects(cursor, table)],
        "not_null": _not_null(cursor, table),
        "sequence": _sequence_state(cursor, table),
    }


def as_modelled(model: type[models.Model]) -> dict[str, Any]:
    """Return what :func:`remember` would have seen in a table that ``model`` made."""
    return {
        "objects": [item.as_dict() for item in model_objects(model)],
        "not_null": {str(field.column): not field.null for field in model._meta.concrete_fields},
        "sequence": None,
    }


def put_back(
    cursor: Any,
    table: str,
    remembered: dict[str, Any],
    added: Collection[str],
    restarted: int | None = None,
) -> None:
    """Make ``table`` what :func:`remember` saw.

    Objects named in ``added`` go, unless they were there. ``restarted`` is the value with which the
    restructuring restarted the sequence; None: leave the sequence where it stands.
    """
    now = _not_null(cursor, table)
    wanted = [TableObject(**item) for item in remembered["objects"]]
    # From PostgreSQL 18 on a NOT NULL is a constraint, which has a name and may be NOT VALID. It
    # comes back as such; a plain one made before it would be in its way.
    constrained = {match[1] for item in wanted if (match := NOT_NULL_RULE.match(item.definition))}
    for column, was in remembered["not_null"].items():
        if was != now.get(column, was) and not (was and column in constrained):
            action = "SET NOT NULL" if was else "DROP NOT NULL"
            cursor.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} " + action).format(
                    sql.Identifier(table), sql.Identifier(column)
                )
            )
    reconcile(cursor, table, wanted, lambda item: item.name in added)
    _put_back_sequence(cursor, table, remembered["sequence"], restarted)


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
