"""Make the types of a backup's columns in a database that has none of its tables."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.db import ProgrammingError, transaction
from psycopg2 import sql

from contacts.restructuring.backup.column_types import (
    ENUM_LABELS,
    Domain,
    EnumType,
    OtherType,
    describe_domains,
    without_labels,
)
from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.sequences import Sequence
from contacts.restructuring.failures import Failure
from jmsk.postgres.queries import compose, listed, spelled, value

Placed = EnumType | Domain | OtherType | Sequence
TYPE_OID = "SELECT to_regtype(%s)::oid::bigint"
AS_IT_WAS = "The database is as it was."


def build_types(cursor: Any, backup: Backup, schema: str) -> None:
    """Create the ENUM types and domains of ``backup``; those that are there already are used.

    ``schema`` comes first in the search path. Raises Failure if one is there that differs, or,
    naming the columns, if a type is missing that cannot be made.
    """
    reasons = [*_create_enums(cursor, backup, schema), *_create_domains(cursor, backup, schema)]
    lacking = [
        f"{table.table}.{column.name} is of the type {column.type}"
        for table in backup.manifest.tables
        for column in table.columns
        if not _exists(cursor, column.type)
    ]
    if lacking:
        told = "".join(f" {reason}." for reason in reasons)
        others = ", ".join(_missing_others(cursor, backup, schema))
        raise Failure(
            "MC706",
            "The backup has types that this database lacks and that a restore cannot make: "
            f"{'; '.join(lacking)}.{told} {AS_IT_WAS} First make "
            f"{others or 'these types or what they need'}, as in the database "
            f"{backup.manifest.database}; then run again.",
        )


def placed(backup: Backup, item: Placed, schema: str) -> tuple[str, str]:
    """Return the schema and name of an object in a database whose tables lie in ``schema``.

    What lay with the tables moves with them.
    """
    return schema if item.schema == backup.manifest.schema else item.schema, item.name


def cannot_be_made(what: str, error: ProgrammingError) -> Failure:
    """Return the error that says that ``what`` cannot be made, and why."""
    return Failure(
        "MC706",
        f"{what} cannot be made: {_words(error)}. {AS_IT_WAS} Make first what it needs, as it was "
        "where the backup was taken, then run again.",
    )


def _words(error: ProgrammingError) -> str:
    """What the server says, and of which line: that names the object, and holds no row."""
    lines = str(error).partition("HINT:")[0].splitlines()
    return ", ".join(line.strip() for line in lines if line.strip(" ^"))


def _create_enums(cursor: Any, backup: Backup, schema: str) -> Iterator[str]:
    """Create each ENUM type; yield why one could not be made."""
    for enum in backup.manifest.enums:
        name = placed(backup, enum, schema)
        labels = value(cursor, ENUM_LABELS, [spelled(cursor, name)])
        if labels is None:
            wanted = listed(map(sql.Literal, enum.labels))
            statement = compose("CREATE TYPE {} AS ENUM ({})", name, wanted)
            yield from _try(cursor, f"The type {enum.name}", [statement])
        elif not set(enum.labels) <= set(labels):
            raise Failure(
                "MC706",
                f"The type {enum.name} exists with the labels {', '.join(labels)}, and lacks "
                f"{without_labels(enum, labels)}, which the backup has. {AS_IT_WAS} Drop it, or "
                "restore into a database without it.",
            )


def _try(cursor: Any, what: str, statements: Iterable[sql.Composed]) -> Iterator[str]:
    """Run all of ``statements``, or none of them and yield why ``what`` cannot be made."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            for statement in statements:
                cursor.execute(statement)
    except ProgrammingError as error:
        yield f"{what} cannot be made: {_words(error)}"


def _create_domains(cursor: Any, backup: Backup, schema: str) -> list[str]:
    """Create each domain after what it is based on; return why some could not be made."""
    waiting = list(backup.manifest.domains)
    reasons: list[str] = []
    while ready := [domain for domain in waiting if _exists(cursor, domain.base)]:
        waiting = [domain for domain in waiting if domain not in ready]
        for domain in ready:
            reasons += _create_domain(cursor, domain, placed(backup, domain, schema))
    return reasons + [
        f"The domain {domain.name} is based on {domain.base}, which is missing"
        for domain in waiting
    ]


def _create_domain(cursor: Any, domain: Domain, name: tuple[str, str]) -> Iterator[str]:
    """Create the domain, or yield why it cannot be made."""
    present = value(cursor, TYPE_OID, [spelled(cursor, name)])
    if present is not None:
        _require_same(describe_domains(cursor, [present]), domain)
    else:
        yield from _try(cursor, f"The domain {domain.name}", _statements(domain, name))


def _require_same(found: tuple[Domain, ...], domain: Domain) -> None:
    """Raise Failure unless what bears the domain's name is such a domain."""
    if found and replace(found[0], schema=domain.schema) == domain:
        return
    present = _told(found[0]) if found else "no domain"
    raise Failure(
        "MC706",
        f"The type {domain.name} exists and is {present}; the backup needs {_told(domain)}. "
        f"{AS_IT_WAS} Drop it, or restore into a database without it.",
    )


def _told(domain: Domain) -> str:
    return " ".join(_parts(domain)) + "".join(f" {check}" for _, check in domain.constraints)


def _parts(domain: Domain) -> Iterator[str]:
    yield domain.base
    if domain.collation:
        yield f"COLLATE {domain.collation}"
    if domain.default is not None:
        yield f"DEFAULT {domain.default}"
    if domain.not_null:
        yield "NOT NULL"


def _statements(domain: Domain, name: tuple[str, str]) -> Iterator[sql.Composed]:
    yield compose("CREATE DOMAIN {} AS {}", name, sql.SQL(" ".join(_parts(domain))))
    for constraint, check in domain.constraints:
        yield compose("ALTER DOMAIN {} ADD CONSTRAINT {} {}", name, constraint, sql.SQL(check))


def _missing_others(cursor: Any, backup: Backup, schema: str) -> Iterator[str]:
    for other in backup.manifest.others:
        if not _exists(cursor, spelled(cursor, placed(backup, other, schema))):
            yield str(other)


def _exists(cursor: Any, type_name: str) -> bool:
    return value(cursor, TYPE_OID, [type_name]) is not None
