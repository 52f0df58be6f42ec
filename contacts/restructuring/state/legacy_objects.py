"""The indexes and constraints of the legacy tables: what is to come back, and what is there now."""

import re
from dataclasses import replace
from typing import Any

from contacts.restructuring.state.expected import (
    RENAMED,
    legacy_models,
    target_models,
    target_names,
)
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import TableObject, model_objects, read_objects
from jmsk.postgres.table_state import state_of_model

TABLES = ("companies", "customers", "orders")
"""The legacy tables that the restructuring changes. Of tenants it remembers nothing."""
FOREIGN_KEY = re.compile(r"FOREIGN KEY \(([^)]*)\) REFERENCES (\S+?)\(([^)]*)\)")
"""Finds the columns of a foreign key, the table it refers to, and the columns there."""
LEGACY_WORDS = {"contact_id": "customer_id", "contacts": "customers"}


def remembered(cursor: Any, table: str) -> dict[str, Any]:
    """Return what was remembered of the legacy ``table``; without a record, what its model says."""
    found = read_record(cursor).legacy_objects.get(table)
    return found or state_of_model(legacy_models()[table])


def wanted_objects(cursor: Any, table: str) -> list[TableObject]:
    """Return the objects that a rollback gives back to the legacy ``table``."""
    return [TableObject(**item) for item in remembered(cursor, table)["objects"]]


def present_objects(cursor: Any, table: str) -> list[TableObject]:
    """Return the objects of what ``table`` is called now, defined in the legacy schema's words.

    The legacy schema may have used the new words, too: for a column of companies, in a text.
    """
    known = {
        (item.kind, _in_legacy_words(item.essence)): item.definition
        for item in wanted_objects(cursor, table)
    }
    return [
        replace(item, definition=known.get((item.kind, words.essence), words.definition))
        for item in read_objects(cursor, now_called(table))
        for words in [replace(item, definition=_in_legacy_words(item.definition))]
    ]


def now_called(table: str) -> str:
    """Return the name of the legacy ``table`` in a migrated database."""
    return RENAMED.get(table, table)


def own_names() -> set[str]:
    """Return the names of all that the restructured tables have of their own."""
    objects = [item for model in target_models().values() for item in model_objects(model)]
    return {*target_names(), *(item.name for item in objects)}


def _in_legacy_words(definition: str) -> str:
    return re.sub(
        rf"\b({'|'.join(LEGACY_WORDS)})\b", lambda match: LEGACY_WORDS[match[1]], definition
    )
