"""The sequences that feed a table's columns: what they give next, undone with the transaction."""

from dataclasses import dataclass
from typing import Any

from jmsk.postgres.queries import column, compose, row, rows

FEEDING = """
    WITH feeding AS (
        SELECT d.adnum AS number, p.refobjid AS sequence
          FROM pg_attrdef d
          JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                          AND p.refclassid = 'pg_class'::regclass
         WHERE d.adrelid = %(table)s::regclass
        UNION
        SELECT p.refobjsubid, p.objid FROM pg_depend p
         WHERE p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass
           AND p.refobjid = %(table)s::regclass AND p.deptype = 'i'
    )
    SELECT a.attname::text, s.seqrelid::bigint, s.seqrelid::regclass::text, s.seqincrement,
           CASE a.atttypid WHEN 'smallint'::regtype THEN greatest(s.seqmin, -32768)
                           WHEN 'integer'::regtype THEN greatest(s.seqmin, -2147483648)
                           ELSE s.seqmin END,
           CASE a.atttypid WHEN 'smallint'::regtype THEN least(s.seqmax, 32767)
                           WHEN 'integer'::regtype THEN least(s.seqmax, 2147483647)
                           ELSE s.seqmax END
      FROM feeding
      JOIN pg_attribute a ON a.attrelid = %(table)s::regclass AND a.attnum = feeding.number
      JOIN pg_sequence s ON s.seqrelid = feeding.sequence
     ORDER BY a.attnum
"""
FREE = """
    SELECT value FROM (SELECT generate_series(%s::bigint, %s::bigint, %s::bigint) AS value) AS given
     WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {column} = given.value)
     LIMIT %s
"""

State = list[Any]
"""Where a sequence stands: its last value, and whether that was given."""


@dataclass(frozen=True)
class Sequence:
    """The sequence that feeds a column, whoever owns it and whatever it is called.

    ``name`` is quoted where it has to be. ``least`` and ``most`` are the bounds of its values that
    fit the column.
    """

    column: str
    oid: int
    name: str
    increment: int
    least: int
    most: int


def feeding_sequences(cursor: Any, table: str) -> dict[str, Sequence]:
    """Return the sequences in the defaults of ``table``'s columns, or of its identities, by column.

    Raises ProgrammingError if there is no such table in the search path.
    """
    found = rows(cursor, FEEDING, {"table": table})
    return {name: Sequence(name, *others) for name, *others in found}


def read_position(cursor: Any, sequence: Sequence) -> State:
    """Return where ``sequence`` stands."""
    return list(row(cursor, f"SELECT last_value, is_called FROM {sequence.name}"))


def free_values(cursor: Any, table: str, sequence: Sequence, count: int) -> list[int]:
    """Return the next ``count`` values that the sequence would give and no row of ``table`` has.

    Fewer, where it ends before. The sequence stays where it stands.
    """
    last, called = read_position(cursor, sequence)
    first = last + sequence.increment if called else last
    end = sequence.most if sequence.increment > 0 else sequence.least
    statement = compose(FREE, table=table, column=sequence.column)
    return column(cursor, statement, [first, end, sequence.increment, count])


def restart(cursor: Any, sequence: Sequence, position: State) -> None:
    """Let ``sequence`` stand at ``position``, and what it gives from now on be undone as well.

    ``nextval`` and ``setval`` survive a rollback. RESTART gives the sequence a new file, which does
    not.
    """
    last, called = position
    cursor.execute(f"ALTER SEQUENCE {sequence.name} RESTART WITH {int(last)}")
    if called:
        cursor.execute("SELECT setval(%s::regclass, %s, true)", [sequence.name, last])
