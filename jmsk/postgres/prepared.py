"""What the online preparation has put into a database, and how the migrations take it over.

A prepared database holds, beside the legacy tables, tables of the tool's own: the state, the
journal of what the application writes, the base on which the journal counts, the default companies
whose ids are reserved, and the orders whose company was not right when it was last looked at.
"""

import json
from typing import Any
from weakref import WeakKeyDictionary

from jmsk.postgres.queries import column, is_there, value

STATE = "jmsk_preparation"
JOURNAL = "jmsk_preparation_journal"
BASE = "jmsk_preparation_base"
DEFAULTS = "jmsk_preparation_defaults"
PENDING = "jmsk_preparation_pending"
TABLES = (STATE, JOURNAL, BASE, DEFAULTS, PENDING)
OF_THE_TOOL = "^jmsk_"
"""Matches the names of its triggers, its functions and its tables."""
JOURNAL_FUNCTION = "jmsk_journal_{}"
"""The function behind the journal triggers of a legacy table."""
FUNCTIONS_OF_THE_TOOL = tuple(
    JOURNAL_FUNCTION.format(table) for table in ("tenants", "companies", "customers", "orders")
)
VERIFIED = "verified"
"""The phase from which the switch starts."""

CHANGED_KEYS = f"""
    SELECT coalesce(array_agg(DISTINCT id), '{{}}') FROM {JOURNAL} WHERE table_name = %s
"""


_notes: WeakKeyDictionary[Any, dict[str, Any] | None] = WeakKeyDictionary()
"""What :func:`preparation` has read, by schema editor: each asks once."""


def preparation(editor: Any) -> dict[str, Any] | None:
    """Return the notes of the preparation that is switched; None where there is none.

    ``editor`` is the schema editor of the migration that asks.
    """
    if editor not in _notes:
        with editor.connection.cursor() as cursor:
            _notes[editor] = _read_notes(cursor)
    return _notes[editor]


def _read_notes(cursor: Any) -> dict[str, Any] | None:
    if is_there(cursor, STATE):
        for notes in column(cursor, f"SELECT notes FROM {STATE} WHERE phase = %s", [VERIFIED]):
            return as_dict(notes)
    return None


def made_early(notes: dict[str, Any] | None) -> dict[int, dict[str, str | None]]:
    """Return the default companies that were made before the switch, as they were made, by id."""
    return {int(company): row for company, row in (notes or {}).get("made", {}).items()}


def prepared_indexes(cursor: Any) -> set[str]:
    """Return the names of the indexes that a preparation has made; none where there is none."""
    if not is_there(cursor, STATE):
        return set()
    return set(as_dict(value(cursor, f"SELECT notes FROM {STATE}"))["indexes"])


def as_dict(value: Any) -> dict[str, Any]:
    """Return a jsonb value, which Django has the driver give as text."""
    return json.loads(value) if isinstance(value, str) else dict(value)


def has_column(cursor: Any, table: str, name: str) -> bool:
    """Return whether ``table``, found in the search path, has the column ``name``."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass "
        "AND attname = %s AND NOT attisdropped)"
    )
    return bool(value(cursor, query, [table, name]))


def legacy_table(table: str) -> str:
    """Return the name under which the journal knows ``table``."""
    return "customers" if table == "contacts" else table


def changed_keys(cursor: Any, table: str) -> list[int]:
    """Return the ids of the rows of the legacy ``table`` that changed since the last check."""
    return list(value(cursor, CHANGED_KEYS, [table]))


def reserved_companies(cursor: Any) -> list[int]:
    """Return the ids that are reserved for default companies which are still to be made."""
    return column(cursor, f"SELECT company_id FROM {DEFAULTS} WHERE NOT reused ORDER BY company_id")


def without_prepared(
    table: str, remembered: dict[str, Any], notes: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what ``table`` was like before the preparation of ``notes`` added to it."""
    if notes is None:
        return remembered
    indexes, columns = notes["indexes"], set(notes["columns"].get(table, ()))

    def is_older(item: dict[str, Any]) -> bool:
        if item["kind"] == "index":
            return item["name"] not in indexes
        # From PostgreSQL 18 on a NOT NULL is a constraint with a name.
        return item["type"] != "NOT NULL" or columns.isdisjoint(item["columns"])

    position = {"id": notes["sequence"]} if table == "companies" and notes["sequence"] else {}
    return {
        **remembered,
        "objects": [item for item in remembered["objects"] if is_older(item)],
        "not_null": {
            name: held for name, held in remembered["not_null"].items() if name not in columns
        },
        "sequences": {**remembered["sequences"], **position},
    }
