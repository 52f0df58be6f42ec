"""The default companies that the restructuring made, and which of them are still what it made."""

import json
from collections.abc import Mapping
from typing import Any

from contacts.meaning import DEFAULT_COMPANY, STILL_PLACED
from jmsk.postgres.queries import column, compose, rows
from jmsk.postgres.references import referred_rows

Row = Mapping[str, str | None]
"""A row's values as text, by column."""

ROWS = """
    SELECT id, (SELECT jsonb_object_agg(key, value)
                  FROM jsonb_each_text(to_jsonb(made.*)))::text
      FROM {} AS made WHERE id = ANY(%s::bigint[]) ORDER BY id
"""
DEFAULTS = """
    SELECT attname::text, to_jsonb(attmissingval) ->> 0 FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND atthasdef
"""
"""Beside each column with a default, what an ADD COLUMN gave the rows that were there; if known."""
SETTLED_IN = f"""
    SELECT DISTINCT company_id FROM contacts
     WHERE company_id = ANY(%s::bigint[]) AND ({STILL_PLACED}) IS NOT TRUE
"""
OWN_REFERENCES = {"addresses": "company_id", "contacts": "company_id", "orders": "company_id"}
"""The columns of the restructuring that refer to a company: a way back takes that away."""


def read_companies(cursor: Any, ids: list[int]) -> dict[int, Row]:
    """Return the companies ``ids`` as they stand. The settings ``TEXT`` must be in force."""
    return read_made(cursor, "companies", ids)


def read_made(cursor: Any, table: str, ids: list[int]) -> dict[int, Row]:
    """Return the rows ``ids`` of ``table``, as text. The settings ``TEXT`` must be in force."""
    return {key: json.loads(made) for key, made in rows(cursor, compose(ROWS, table), [ids])}


def going_companies(cursor: Any, made: Mapping[int, Row | None]) -> list[int]:
    """Return which of the companies ``made`` a rollback takes away.

    It is given the rows as they were made, None where that was not remembered. One in which a
    column says something else is somebody's own by now, and stays; so does one to which a row
    refers that stays, even where its foreign key says ON DELETE CASCADE.
    """
    defaults = read_defaults(cursor, "companies")
    present = read_companies(cursor, list(made))
    same = [key for key, row in present.items() if is_as_made(row, made[key], defaults)]
    kept = set(referred_rows(cursor, "companies", same, OWN_REFERENCES))
    kept.update(column(cursor, SETTLED_IN, [same]))
    return [key for key in same if key not in kept]


def read_defaults(cursor: Any, table: str) -> dict[str, str | None]:
    """Return the columns of ``table`` with a default: what it gave the rows there, if known."""
    return dict(rows(cursor, DEFAULTS, [table]))


def is_as_made(row: Row, made: Row | None, defaults: Row) -> bool:
    """Whether every column of ``row`` says what it said in ``made``, None where that is unknown."""
    if made is None:
        # An earlier version kept the id alone: of what a default filled in, nothing can be said.
        made = {"id": row["id"], "tenant_id": row["tenant_id"], "name": DEFAULT_COMPANY}
        row = {name: value for name, value in row.items() if name in made or name not in defaults}
    # A column that was added since holds what it was added with; an unknown default, nothing.
    return all(value == made.get(name, defaults.get(name)) for name, value in row.items())
