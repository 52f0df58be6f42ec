"""What a table needs beside its columns to be built again: sequences, collations."""

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.database.tables import Table
from jmsk.postgres.queries import compose, row, rows

SEQUENCES = """
    SELECT DISTINCT a.attname, n.nspname, c.relname,
           EXISTS (SELECT 1 FROM pg_depend o
                    WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
                      AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum
                      AND o.deptype IN ('a', 'i')),
           format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
           s.seqcache, s.seqcycle
      FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      JOIN pg_depend p
        ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
           AND p.refclassid = 'pg_class'::regclass
        OR p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass
           AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype IN ('a', 'i')
      JOIN pg_class c ON c.relkind = 'S' AND c.oid IN (p.objid, p.refobjid)
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_sequence s ON s.seqrelid = c.oid
     WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attname, n.nspname, c.relname
"""
COLLATIONS = """
    SELECT a.attname, quote_ident(n.nspname) || '.' || quote_ident(c.collname)
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid AND t.typcollation <> a.attcollation
      JOIN pg_collation c ON c.oid = a.attcollation
      JOIN pg_namespace n ON n.oid = c.collnamespace
     WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Sequence:
    """The sequence that feeds a column, and where it stands.

    ``owned``: it goes with its column. ``last_value`` and ``is_called`` are those of the sequence
    itself: its next value is ``last_value``, plus ``increment`` if ``is_called``.
    """

    column: str
    schema: str
    name: str
    owned: bool
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool
    last_value: int
    is_called: bool

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def read_sequences(cursor: Any, table: Table) -> tuple[Sequence, ...]:
    """Return the sequences that ``table``'s columns own or take their defaults from."""
    found = rows(cursor, SEQUENCES, [table.oid])
    now = "SELECT last_value, is_called FROM {}"
    return tuple(Sequence(*one, *row(cursor, compose(now, one[1:3]))) for one in found)


def read_collations(cursor: Any, table: Table) -> dict[str, str]:
    """Return the collations, quoted, of the columns that do not have their type's own."""
    return dict(rows(cursor, COLLATIONS, [table.oid]))
