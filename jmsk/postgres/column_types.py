"""The type of a column, for new ones that take it over, whatever it has become in this database.

A column that refers to a key has to hold every value of the key, and one that takes over a value
has to hold it as it is: keys may have become ``bigint``, and an e-mail may be ``citext``.
"""

from typing import Any

from psycopg2 import sql

from jmsk.postgres.queries import row

TYPE = """
    SELECT CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
                          ELSE format_type(a.atttypid, a.atttypmod) END,
           CASE WHEN a.attcollation <> t.typcollation
                THEN format('%%I.%%I', n.nspname, c.collname) END
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_collation c ON c.oid = a.attcollation
      LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
     WHERE a.attrelid = to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped
"""
"""What a domain is based on: the domain may refuse NULL, which a new column holds at first."""

Column = tuple[str, str]
"""A table and a column."""


def column_type(cursor: Any, column: Column) -> sql.Composable:
    """Return the type of ``column``, with the collation that it does not have from its type."""
    spelled, collation = row(cursor, TYPE, column)
    return sql.SQL(f"{spelled} COLLATE {collation}" if collation else spelled)
