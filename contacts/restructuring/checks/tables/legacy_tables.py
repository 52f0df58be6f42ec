"""Checks of the legacy tables themselves: whether they have what the restructuring builds on."""

import re
from collections.abc import Iterator

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks import format_rules
from contacts.restructuring.checks.base import Finding, Found, Severity, Tag, check
from contacts.restructuring.checks.environment.row_security import applying_policies, other_creators
from contacts.restructuring.checks.tables.drift import (
    drift,
    missing_constraints,
    missing_defaults,
)
from contacts.restructuring.checks.tables.free_names import free_names
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.state.expected import column_type, legacy_models
from contacts.restructuring.state.statistics import placements
from jmsk.postgres.sequences import feeding_sequences, free_values
from jmsk.wording import counted

CARRIED = {
    "integer": ("bigint", "smallint"),
    "double precision": ("real", "numeric"),
    "character varying": ("text", "citext"),
    "text": ("character varying", "citext"),
    "timestamp without time zone": ("timestamp with time zone",),
}
"""Types that hold what is expected as well: they are kept, and new columns follow them."""
LARGEST_IDS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


@check(
    "Columns as expected",
    "Bring the table to the legacy schema, or point DATABASE_URL at the right database.",
    tags=[Tag.COUNTING],
)
def columns(inspector: Inspector) -> Iterator[str]:
    for name, model in legacy_models().items():
        present = inspector.layout.tables[name].by_name
        for field in model._meta.concrete_fields:
            expected = column_type(field, inspector.connection)
            if field.column not in present:
                yield f"{name} has no column {field.column} ({expected})"
                continue
            actual = present[field.column].type
            carried = (expected, *CARRIED.get(expected, ()))
            if _plain_type(actual) not in carried:
                yield (
                    f"{name}.{field.column} is {actual}, expected {' or '.join(carried)}: "
                    "what is of another type cannot be carried as it is"
                )


def _plain_type(spelled: str) -> str:
    """Return a type without its length, its precision and the schema of an extension."""
    plain = re.sub(r"\(.*?\)", "", spelled)
    return "citext" if plain.endswith(".citext") else plain


@check(
    "Default companies can be created",
    "Give the column a default for the time of the migration, or create a company named "
    f"'{DEFAULT_COMPANY}' for each tenant concerned yourself: it is used.",
)
def fillable_companies(inspector: Inspector) -> Found:
    """Whether a default company can be created with nothing but an id, a tenant and a name."""
    wanted = [placement for placement in placements(inspector) if not placement.exists]
    if not wanted:
        return Finding(note="none has to be created")
    return [
        f"companies.{column.name} is NOT NULL and has no default"
        for column in inspector.layout.tables["companies"].columns
        if column.name not in ("id", "tenant_id", "name")
        and column.not_null
        and not (column.default or column.identity or column.generated)
    ] + list(_missing_ids(inspector, len(wanted)))


def _missing_ids(inspector: Inspector, count: int) -> Iterator[str]:
    """Say so if there are no ids for ``count`` new companies."""
    sequence = feeding_sequences(inspector.cursor, "companies").get("id")
    if sequence is None:
        last = inspector.value("SELECT coalesce(max(id), 0) FROM companies")
        largest = LARGEST_IDS[inspector.layout.tables["companies"].by_name["id"].type]
        if last + count > largest:
            yield f"{counted(count, 'id')} needed after {last}, and {largest} is the largest"
        return
    free = len(free_values(inspector.cursor, "companies", sequence, count))
    if free < count:
        yield (
            f"{counted(count, 'id')} needed, and sequence {sequence.name}, which ends at "
            f"{sequence.most if sequence.increment > 0 else sequence.least}, has {free} left"
        )


@check(
    "Ordinary tables",
    "Partitioned, foreign and inherited tables are outside what the restructuring can prove.",
)
def ordinary_tables(inspector: Inspector) -> Iterator[str]:
    for table in inspector.layout.tables.values():
        if table.name in LEGACY_NAMES and table.kind != "r":
            yield f"{table.name} is not an ordinary table (relkind {table.kind})"
    yield from relatives(inspector, inspector.oids())
    yield from _row_type_users(inspector)


def relatives(inspector: Inspector, oids: list[int]) -> list[str]:
    """Say which tables inherit from the tables ``oids``, or these from others."""
    found = inspector.rows(
        "SELECT inhparent::regclass, inhrelid::regclass FROM pg_inherits "
        "WHERE inhparent = ANY(%(tables)s::oid[]) OR inhrelid = ANY(%(tables)s::oid[])",
        {"tables": oids},
    )
    return [f"{child} inherits from {parent}" for parent, child in found]


def _row_type_users(inspector: Inspector) -> list[str]:
    users = inspector.rows(
        "SELECT a.attrelid::regclass, a.attname, c.relname FROM pg_attribute a "
        "JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class u ON u.oid = a.attrelid "
        "JOIN pg_class c ON c.reltype IN (t.oid, t.typelem) "
        "WHERE c.oid = %s AND u.relkind IN ('r', 'p', 'm') AND NOT a.attisdropped",
        [inspector.layout.tables["orders"].oid],
    )
    return [f"{table}.{column} is of the row type of {name}" for table, column, name in users]


@check(
    "Row-level security hides no rows",
    "Run as the tables' owner without FORCE ROW LEVEL SECURITY, or as a role with BYPASSRLS.",
)
def readable_rows(inspector: Inspector) -> Found:
    hidden = inspector.column(
        "SELECT relname FROM pg_class WHERE oid = ANY(%s::oid[]) AND row_security_active(oid)",
        [inspector.oids(inspector.layout.tables)],
    )
    return [f"Row-level security hides rows of {name} from this role" for name in hidden]


@check("Columns that are not modelled", severity=Severity.WARNING)
def extra_columns(inspector: Inspector) -> Finding:
    extra = [
        f"{name}.{column.name} ({column.type})"
        for name, model in legacy_models().items()
        for column in inspector.layout.tables[name].columns
        if column.name not in {field.column for field in model._meta.concrete_fields}
    ]
    if not extra:
        return Finding()
    return Finding(
        note=f"Columns that this project does not model stay as they are: {', '.join(extra)}"
    )


CHECKS = (
    columns,
    extra_columns,
    ordinary_tables,
    readable_rows,
    applying_policies,
    other_creators,
    missing_constraints,
    fillable_companies,
    free_names,
    *format_rules.CHECKS,
    missing_defaults,
    drift,
)
