"""Which of the stages of its life a database is in, and where its tables are.

Tables are looked for once, by what they are, and found in one schema; later queries go by oid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.database.settings import READING, TEXT, schema_first, set_local
from contacts.restructuring.database.tables import (
    Table,
    find_relations,
    with_columns,
    without_stand_ins,
)
from contacts.restructuring.failures import ROLLED_BACK, UNCHANGED, Failure
from jmsk.postgres import prepared
from jmsk.postgres.django_schema import applied_migrations, own_name
from jmsk.postgres.queries import compose, is_there, rows, spelled, value

LEGACY_NAMES = ("tenants", "companies", "customers", "orders")
MIGRATED_NAMES = ("tenants", "companies", "contacts", "orders", "addresses")
FIRST_STEP = ("companies", "0002_hierarchy")
LAST_STEP = ("orders", "0003_triggers")
PREPARED_COLUMNS = {
    "customers": ("placed_in_company_id", "email_set_aside"),
    "orders": ("company_id",),
}
"""The columns that the online preparation adds to the legacy tables: to orders from the start, to
customers only if some are placed early, else the switch adds them. A session that has the server
prepare ``SELECT *`` would be refused it afterwards."""

FIRST_SCHEMA = """
    SELECT coalesce((SELECT name FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, n)
                      WHERE name <> %s ORDER BY n LIMIT 1), 'public')
"""
"""Where tables are made in an empty database: not among Django's, if those have a schema."""


class Stage(StrEnum):
    LEGACY = "legacy"
    PREPARED = "prepared"
    MIGRATED = "migrated"
    PARTIAL = "partial"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Layout:
    """The stage, the schema, the tables found there by name, and what is odd about them.

    ``unfinished``: a switch was committed, and what follows it is still to be done.
    """

    stage: Stage
    schema: str
    tables: dict[str, Table]
    oddities: tuple[str, ...] = ()
    unfinished: bool = False

    def oids(self, names: Iterable[str] = LEGACY_NAMES) -> list[int]:
        """Return the oids of the tables ``names``, in their order."""
        return [self.tables[name].oid for name in names]

    def holding(self, name: str) -> Table:
        """Return the table that now holds what ``name`` held: customers may be contacts."""
        return self.tables.get(name) or self.tables["contacts"]


def read_layout(connection: BaseDatabaseWrapper) -> Layout:
    """Look at the database and return its :class:`Layout`. Reads the catalogue only."""
    waiting = not connection.in_atomic_block
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if waiting:  # inside a run, its own patience holds
            set_local(cursor, {**TEXT, "lock_timeout": READING["lock_timeout"]})
        relations = without_stand_ins(find_relations(cursor))
        if not relations:
            return Layout(Stage.EMPTY, value(cursor, FIRST_SCHEMA, [settings.DJANGO_SCHEMA]), {})
        schemas = sorted({table.schema for table in relations})
        if len(schemas) > 1:
            tables = {f"{table.schema}.{table.name}": table for table in relations}
            odd = f"tables in several schemas: {', '.join(sorted(tables))}"
            return Layout(Stage.UNKNOWN, schemas[0], tables, (odd,))
        with schema_first(cursor, schemas[0]):
            tables = {table.name: table for table in with_columns(cursor, relations)}
            applied = _applied(connection, cursor)
            is_prepared = is_there(cursor, prepared.STATE)
    stage, oddities = _judge(tables, applied, is_prepared=is_prepared)
    unfinished = is_prepared and stage is Stage.MIGRATED
    return Layout(stage, schemas[0], tables, tuple(oddities), unfinished)


UNREADABLE = """
    SELECT pg_get_userbyid(c.relowner), current_user
      FROM pg_class c WHERE c.oid = to_regclass(%s) AND NOT has_table_privilege(c.oid, 'SELECT')
"""


def _applied(connection: BaseDatabaseWrapper, cursor: Any) -> set[tuple[str, str]]:
    """Return the migrations that Django has recorded. Raises Failure if the role may not read."""
    for owner, role in rows(cursor, UNREADABLE, [own_name("django_migrations")]):
        statement = spelled(cursor, compose("GRANT {} TO {}", owner, role))
        raise Failure(
            "MC110",
            f"Role {role} may not read django_migrations, which {owner} owns: an earlier run made "
            f"it. {UNCHANGED} Let it: {statement}. Where each run gets a role of its own, let all "
            "of them act as one owner: DATABASE_URL=…?options=-c%20role%3DOWNER",
        )
    return applied_migrations(connection)


def reached_legacy(connection: BaseDatabaseWrapper) -> Layout:
    """Return the layout of a database that is legacy again. Raises Failure if it is not."""
    layout = read_layout(connection)
    if layout.stage is Stage.LEGACY:
        return layout
    raise Failure(
        "MC204",
        f"The way back did not lead to a legacy database but to one that is {layout.stage}: "
        f"{'; '.join(layout.oddities)}. {ROLLED_BACK}",
    )


def as_legacy(layout: Layout) -> Layout:
    """Return the layout of a prepared database as the application sees it: legacy."""
    tables = dict(layout.tables)
    for name, ours in PREPARED_COLUMNS.items():
        kept = tuple(column for column in tables[name].columns if column.name not in ours)
        tables[name] = replace(tables[name], columns=kept)
    return replace(layout, stage=Stage.LEGACY, tables=tables)


def _judge(
    tables: dict[str, Table], applied: set[tuple[str, str]], *, is_prepared: bool
) -> tuple[Stage, list[str]]:
    if set(LEGACY_NAMES) <= set(tables) and "contacts" not in tables:
        odd = list(_legacy_oddities(tables, applied, is_prepared=is_prepared))
        stage = Stage.PREPARED if is_prepared else Stage.LEGACY
        return (Stage.UNKNOWN if odd else stage), odd
    if set(MIGRATED_NAMES) <= set(tables) and "customers" not in tables:
        if LAST_STEP in applied and FIRST_STEP in applied:
            odd = list(_missing(tables["orders"], "contact_id", "company_id"))
            return (Stage.UNKNOWN if odd else Stage.MIGRATED), odd
        odd = list(_wreck_oddities(tables, applied))
        return (Stage.UNKNOWN if odd else Stage.PARTIAL), odd
    if {"customers", "contacts"} <= set(tables):
        return Stage.UNKNOWN, ["found both customers and contacts: one of them is not the tool's"]
    present = ", ".join(sorted(tables))
    expected = MIGRATED_NAMES if LAST_STEP in applied else LEGACY_NAMES
    missing = ", ".join(name for name in expected if name not in tables)
    return Stage.UNKNOWN, [f"found {present}, but not {missing}"]


def _legacy_oddities(
    tables: dict[str, Table], applied: set[tuple[str, str]], *, is_prepared: bool
) -> Iterator[str]:
    if FIRST_STEP in applied:
        yield "Django's records say that the restructuring was applied, but the tables are legacy"
    for name in ("contact_id",) if is_prepared else ("contact_id", "company_id"):
        if name in tables["orders"].column_names:
            yield f"orders has a column {name} already"


def _wreck_oddities(tables: dict[str, Table], applied: set[tuple[str, str]]) -> Iterable[str]:
    """What speaks against the wreck of the old Alembic migration: contacts renamed, orders not."""
    if FIRST_STEP in applied:
        yield "Django's records say that the restructuring was applied in part"
    yield from _missing(tables["orders"], "customer_id", "company_id")
    yield from _missing(tables["companies"], "fax", "default_address_id")
    if "contact_id" in tables["orders"].column_names:
        yield "orders has a column contact_id already"
    if "is_default" in tables["companies"].column_names:
        yield "companies has a column is_default already"


def _missing(table: Table, *names: str) -> Iterator[str]:
    for name in names:
        if name not in table.column_names:
            yield f"{table.name} has no column {name}"
