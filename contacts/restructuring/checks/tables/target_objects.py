"""The keys and indexes of the target, and the rows that break what is missing."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Finding
from contacts.restructuring.checks.tables.key_rows import shared, without_target, without_value
from contacts.restructuring.checks.tables.target_columns import RESTRUCTURED, nullable_columns
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import target_objects
from jmsk.postgres.catalogue import TableObject, Type, read_objects


def missing_objects(inspector: Inspector) -> Iterator[tuple[TableObject, str]]:
    """Yield what is missing or says something else, with a sentence."""
    for table in RESTRUCTURED:
        for item, told in _missing(inspector, table):
            yield item, f"{table}: {item.name} is {told}"


def _missing(inspector: Inspector, table: str) -> Iterator[tuple[TableObject, str]]:
    present = {item.name: item for item in inspector.once(read_objects, table)}
    for item in target_objects(table):
        found = present.get(item.name)
        if found is None:
            yield item, "missing"
        elif not item.twin_of(found):
            yield item, found.definition


def rows_of_missing_objects(inspector: Inspector) -> Iterator[Finding]:
    """Find the rows that break what is missing."""
    for table, column in nullable_columns(inspector):
        yield without_value(inspector, table, column)
    for table in RESTRUCTURED:
        for item, _ in _missing(inspector, table):
            if item.reference:
                yield without_target(inspector, table, item)
            elif item.type in (Type.UNIQUE, Type.PRIMARY_KEY):
                yield shared(inspector, table, item)
