"""The indexes and constraints of the legacy tables: what is to come back, and what is there now."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import (
    RENAMED,
    legacy_models,
    target_models,
    target_names,
)
from contacts.restructuring.state.record import MigrationRecord, read_record
from jmsk.postgres.catalogue import TableObject, model_objects, read_objects
from jmsk.postgres.table_state import remembered_objects, state_of_model

TABLES = ("companies", "customers", "orders")
"""The legacy tables that the restructuring changes. Of tenants it remembers nothing."""
LEGACY_WORDS = {"contact_id": "customer_id", "contacts": "customers"}
WORDS = re.compile(rf"\b({'|'.join(LEGACY_WORDS)})\b")
IN_WORDS = ("definition", "columns", "target", "target_columns")


def remembered(record: MigrationRecord, table: str) -> dict[str, Any]:
    """Return what was remembered of the legacy ``table``; without a record, what its model says."""
    found = record.legacy_objects.get(table)
    return found or state_of_model(legacy_models()[table])


def wanted_objects(record: MigrationRecord, table: str) -> list[TableObject]:
    """Return the objects that a rollback gives back to the legacy ``table``."""
    return remembered_objects(remembered(record, table))


def wanted_and_present(
    inspector: Inspector, table: str
) -> tuple[list[TableObject], list[TableObject]]:
    """Return what a rollback gives back to the legacy ``table``, and what is there of it now.

    Both are in the legacy schema's words.
    """
    wanted = wanted_objects(inspector.once(read_record), table)
    return wanted, _present_objects(inspector, table, wanted)


def _present_objects(
    inspector: Inspector, table: str, wanted: Iterable[TableObject]
) -> list[TableObject]:
    """The legacy schema may have used the new words, too: for a column of companies, in a text."""
    known = {
        (item.kind, _in_legacy_words(item).definition_without_storage): item for item in wanted
    }
    found = []
    for item in inspector.once(read_objects, now_called(table)):
        words = _in_legacy_words(item)
        said = known.get((item.kind, words.definition_without_storage), words)
        meaning = {name: getattr(said, name) for name in IN_WORDS}
        found.append(replace(item, **meaning))
    return found


def now_called(table: str) -> str:
    """Return the name of the legacy ``table`` in a migrated database."""
    return RENAMED.get(table, table)


def own_names() -> set[str]:
    """Return the names of all that the restructured tables have of their own."""
    objects = [item for model in target_models().values() for item in model_objects(model)]
    return {*target_names(), *(item.name for item in objects)}


def _in_legacy_words(item: TableObject) -> TableObject:
    return replace(
        item,
        definition=WORDS.sub(lambda match: LEGACY_WORDS[match[1]], item.definition),
        columns=tuple(LEGACY_WORDS.get(name, name) for name in item.columns),
        target=LEGACY_WORDS.get(item.target, item.target),
        target_columns=tuple(LEGACY_WORDS.get(name, name) for name in item.target_columns),
    )
