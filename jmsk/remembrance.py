"""What a table was like before the restructuring, remembered as JSON, and how to put it back."""

from collections.abc import Sequence
from typing import Any

from psycopg2 import sql

from jmsk.catalogue import TableObject, read_objects, reconcile

NOT_NULL = """
    SELECT attname, attnotnull FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def remember(cursor: Any, table: str) -> dict[str, Any]:
    """Return the objects of ``table``, its columns' nullability and where its sequence stands."""
    return {
        "objects": [item.as_dict() for item in read_objects(cursor, table)],
        "not_null": _not_null(cursor, table),
        "sequence": _sequence_state(cursor, table),
    }


def put_back(cursor: Any, table: str, remembered: dict[str, Any], added: Sequence[str]) -> None:
    """Make ``table`` what :func:`remember` saw; drop the objects named in ``added``."""
    now = _not_null(cursor, table)
    for column, was in remembered["not_null"].items():
        if was != now.get(column, was):
            action = "SET NOT NULL" if was else "DROP NOT NULL"
            cursor.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} " + action).format(
                    sql.Identifier(table), sql.Identifier(column)
                )
            )
    wanted = [TableObject(**item) for item in remembered["objects"]]
    reconcile(cursor, table, wanted, lambda item: item.name in added)
    _put_back_sequence(cursor, table, remembered["sequence"])


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


def _put_back_sequence(cursor: Any, table: str, state: list[Any] | None) -> None:
    """Set the sequence back, if nobody has drawn from it since the restructuring restarted it."""
    sequence, now = _sequence(cursor, table), _sequence_state(cursor, table)
    if state is None or now is None or now == state or now[1]:
        return
    cursor.execute(sql.SQL("SELECT coalesce(max(id), 0) FROM {}").format(sql.Identifier(table)))
    if cursor.fetchone()[0] > state[0]:
        return
    # RESTART gives the sequence a new file, so that setval is undone with the transaction.
    cursor.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {int(state[0])}")
    cursor.execute("SELECT setval(%s::regclass, %s, %s)", [sequence, *state])


def _sequence(cursor: Any, table: str) -> str | None:
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
    return cursor.fetchone()[0]
