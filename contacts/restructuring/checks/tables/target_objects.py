"""The keys, indexes and NOT NULLs of the target, and the rows that break one which is missing."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Finding, together
from contacts.restructuring.checks.tables.key_rows import (
    Question,
    shared,
    without_target,
    without_value,
)
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import target_objects
from jmsk.postgres.catalogue import TableObject, Type, read_objects

RESTRUCTURED = ("companies", "contacts", "orders", "addresses")
REQUIRED = (("contacts", "company_id"), ("orders", "company_id"))
"""The columns that the restructuring makes NOT NULL."""


def missing_objects(inspector: Inspector) -> Iterator[tuple[TableObject, str]]:
    """Yield what is missing or says something else, with a sentence."""
    for table in RESTRUCTURED:
        for item, told in _missing(inspector, table):
            yield item, f"{table}: {item.name} is {told}"


def nullable_columns(inspector: Inspector) -> Iterator[tuple[str, str]]:
    """Yield the tables and columns of REQUIRED that may be NULL."""
    for table, name in REQUIRED:
        columns = {column.name: column for column in inspector.layout.tables[table].columns}
        if not columns[name].not_null:
            yield table, name


def rows_of_missing_objects(inspector: Inspector) -> Finding:
    """Find the rows that break what is missing."""
    questions = [
        *(without_value(inspector, *column) for column in nullable_columns(inspector)),
        *(
            question
            for table in RESTRUCTURED
            for item, _ in _missing(inspector, table)
            for question in _breaking(inspector, table, item)
        ),
    ]
    return together(question.answer(inspector) for question in questions)


def _missing(inspector: Inspector, table: str) -> Iterator[tuple[TableObject, str]]:
    present = {item.name: item for item in read_objects(inspector.cursor, table)}
    for item in target_objects(table):
        found = present.get(item.name)
        if found is None:
            yield item, "missing"
        elif not item.twin_of(found):
            yield item, found.definition


def _breaking(inspector: Inspector, table: str, item: TableObject) -> Iterator[Question]:
    if item.reference:
        yield without_target(inspector, table, item)
    elif item.type in (Type.UNIQUE, Type.PRIMARY_KEY):
        yield shared(inspector, table, item)
