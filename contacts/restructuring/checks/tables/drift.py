"""Keys, indexes, NOT NULLs and defaults that a legacy database has lost or named otherwise."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Value

from contacts.restructuring.checks.base import Finding, Severity, check, rows, together
from contacts.restructuring.checks.tables.key_rows import without_value
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import (
    ONE_EMAIL_PER_TENANT,
    RENAMED,
    legacy_models,
    target_models,
)
from jmsk.postgres.catalogue import Type, model_objects, read_objects
from jmsk.postgres.fields import DatabaseNow, SerialField


@check(
    "Rows keep the rules that the database lacks",
    "Put these rows right: the restructured schema has the key that they break.",
)
def missing_constraints(inspector: Inspector) -> Finding:
    """Whether rows break a key, a NOT NULL or a foreign key that this database should have."""
    return together(
        finding
        for name, model in legacy_models().items()
        for finding in _missing_constraints(inspector, name, model)
    )


def _missing_constraints(inspector: Inspector, name: str, model: Any) -> Iterator[Finding]:
    """Yield what breaks each rule that the catalogue does not hold.

    What the target does without, a column's NOT NULL, no row breaks.
    """
    present = inspector.once(read_objects, name)
    nullable = {
        column.name for column in inspector.layout.tables[name].columns if not column.not_null
    }
    restructured = target_models()[RENAMED.get(name, name)]
    nullable -= {field.column for field in restructured._meta.concrete_fields if field.null}
    for field in model._meta.concrete_fields:
        if not field.null and field.column in nullable:
            yield without_value(inspector, name, field.column)
    for item in model_objects(model):
        if name == "customers" and item.unique_columns == ONE_EMAIL_PER_TENANT:
            continue  # goes anyway; see duplicate_emails
        if any(other.holds(item) for other in present):
            continue
        if item.reference:
            (column,), target, (key,) = item.reference
            yield rows(
                inspector,
                f"SELECT id, {column} FROM {name} WHERE {column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {target} WHERE {target}.{key} = {name}.{column})",
                f"Row {{id}} of {name} has {column} {{{column}}}, which is not in {target}",
            )
        elif item.type in (Type.UNIQUE, Type.PRIMARY_KEY):
            keys = ", ".join(item.columns)
            told = ", ".join(f"{key} {{{key}}}" for key in item.columns)
            yield rows(
                inspector,
                f"SELECT {keys}, count(*) AS rows FROM {name} "
                f"WHERE ({keys}) IS NOT NULL GROUP BY {keys} HAVING count(*) > 1",
                f"{{rows}} rows of {name} share {told}",
            )


@check(
    "Indexes and constraints as expected",
    "Nothing to do: what is missing is made, what bears another name is renamed, and a "
    "rollback brings back what was there.",
    Severity.WARNING,
)
def drift(inspector: Inspector) -> Iterator[str]:
    """Indexes and constraints that are missing or bear another name: told, and put right."""
    for name, model in legacy_models().items():
        present = inspector.once(read_objects, name)
        for item in model_objects(model):
            twins = [other.name for other in present if other.twin_of(item)]
            if item.name in twins:
                continue
            if twins:
                yield f"{name}: {item.kind} {item.name} is called {', '.join(twins)}"
            else:
                yield f"{name}: {item.kind} {item.name} is missing: {item.definition}"


@check(
    "Defaults of the columns as expected",
    "Nothing to do for the restructuring, which leaves defaults as they are and gives companies "
    "that it creates their times itself. A program that leaves these columns to the database fails "
    "where it reads NULL, or cannot write: let it write them, or ALTER TABLE … SET DEFAULT.",
    Severity.WARNING,
)
def missing_defaults(inspector: Inspector) -> Iterator[str]:
    for table, model in legacy_models().items():
        fields = {str(field.column): field for field in model._meta.concrete_fields}
        for column in inspector.layout.tables[table].columns:
            expected = _expected(fields[column.name]) if column.name in fields else ""
            if expected and not (column.default or column.identity or column.generated):
                becomes = "is refused" if column.not_null else "holds NULL there"
                yield (
                    f"{table}.{column.name} has no default ({expected} is expected): a row that is "
                    f"written without it {becomes}"
                )


def _expected(field: Any) -> str:
    """Return what the legacy schema writes where nothing is said, or '' for nothing."""
    if isinstance(field, SerialField):
        return "the next number of a sequence"
    if not field.has_db_default():
        return ""
    if isinstance(field.db_default, DatabaseNow):
        return "now()"
    value = field.db_default
    return str(value.value if isinstance(value, Value) else value)
