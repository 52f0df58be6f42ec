"""Sequences whose values come back with the transaction."""

from typing import Any

from jmsk.postgres.django_schema import own_name
from jmsk.postgres.queries import column, rows

DJANGO_TABLES = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "contacts_restructuringrun",
)
"""Those that exist already, from an earlier run, get rows from this one."""
DJANGO_SEQUENCES = """
    SELECT pg_get_serial_sequence(c.oid::regclass::text, 'id')
      FROM pg_class c
     WHERE c.oid = ANY(SELECT to_regclass(name) FROM unnest(%s) AS name)
"""
NEXT_VALUE = "SELECT {}, last_value + is_called::int FROM {}"


def guard_sequences(cursor: Any) -> None:
    """Make what this transaction draws from the sequences of Django's tables come back with it.

    ``nextval`` survives a rollback. RESTART gives the sequence a new file, which does not.
    """
    sequences = column(cursor, DJANGO_SEQUENCES, [[own_name(table) for table in DJANGO_TABLES]])
    if not sequences:
        return
    following = " UNION ALL ".join(NEXT_VALUE.format(*each) for each in enumerate(sequences))
    for number, start in rows(cursor, following):
        cursor.execute(f"ALTER SEQUENCE {sequences[number]} RESTART WITH {start}")
