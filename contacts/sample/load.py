"""Builds the sample in an empty database: the schema, then rows that the server makes up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

HERE = Path(__file__).parent
SCHEMA = HERE / "legacy_schema.sql"
ROWS = ("words.sql", "parties.sql", "orders.sql")
TABLES = (
    "tenants",
    "users",
    "companies",
    "customers",
    "orders",
    "manufacturing_steps",
    "shipments",
)

# The smallest and the largest that make sense: one tenant is without customers and one has a
# company called "Default Company"; keys are integers, and an order has up to four steps.
LIMITS = {"tenants": (3, 1_000), "customers": (0, 500_000_000), "orders": (0, 500_000_000)}

# A column's own sequence is not named beside its table; what an extension brought does not count.
OBJECTS = """
    SELECT found.kind, found.schema, found.name
      FROM (SELECT c.oid, 'pg_class'::regclass AS catalogue, n.nspname AS schema,
                   c.relname AS name, c.relnamespace AS namespace,
                   CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                        WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type'
                        ELSE 'table' END AS kind
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
             UNION ALL
            SELECT t.oid, 'pg_type'::regclass, n.nspname, t.typname, t.typnamespace, 'type'
              FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
             WHERE t.typtype IN ('e', 'd', 'r')) found
     WHERE found.schema !~ '^pg_' AND found.schema <> 'information_schema'
       AND NOT EXISTS (SELECT 1 FROM pg_depend d
                        WHERE d.classid = found.catalogue AND d.objid = found.oid
                          AND (d.deptype = 'e'
                               OR d.deptype IN ('a', 'i') AND found.kind = 'sequence'))
     ORDER BY found.kind <> 'table', found.schema, found.name
"""

# Everything but the primary keys, as statements that drop it and that make it again.
KEYS = """
    SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid), 1 AS turn
      FROM pg_index
     WHERE indrelid = ANY(%(tables)s::regclass[])
       AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = indexrelid)
     UNION ALL
    SELECT alter_table || 'DROP ' || name, alter_table || 'ADD ' || name || definition, turn
      FROM (SELECT 'ALTER TABLE ' || conrelid::regclass || ' ' AS alter_table,
                   'CONSTRAINT ' || quote_ident(conname) || ' ' AS name,
                   pg_get_constraintdef(oid) AS definition,
                   CASE contype WHEN 'u' THEN 2 ELSE 3 END AS turn
              FROM pg_constraint
             WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('u', 'f')) constraints
     ORDER BY 3, 2
"""


@dataclass(frozen=True)
class Size:
    """How much to make, and from which seed. ValueError where a number is out of its limits."""

    customers: int = 150
    orders: int = 600
    tenants: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be from {least:,} to {most:,}, not {value:,}.")


def find_objects(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what a database holds beside the system's and extensions' own, tables first.

    Each is a string such as "table public.orders".
    """
    with connection.cursor() as cursor:
        cursor.execute(OBJECTS)
        return [f"{kind} {schema}.{name}" for kind, schema, name in cursor.fetchall()]


Step = Callable[[str], AbstractContextManager[object]]
"""What a part of the work is done in, which is told what that part is."""


def unheard(text: str) -> AbstractContextManager[object]:
    """Let nobody hear of the parts."""
    return nullcontext()


def build(connection: BaseDatabaseWrapper, size: Size, step: Step = unheard) -> dict[str, int]:
    """Make the legacy schema and fill it; return the number of rows by table.

    Each part of the work is done in a ``step``. Wants an empty database and an open transaction,
    which the caller commits.
    """
    with connection.cursor() as cursor:
        _set(cursor, **{f"sample.{name}": value for name, value in asdict(size).items()})
        # Compiling the statements takes longer than it saves, and index builds like memory.
        _set(cursor, jit="off", work_mem="64MB", maintenance_work_mem="256MB")
        # Timestamps, numbers and strings are read from text in the usual way.
        _set(cursor, datestyle="ISO, MDY", intervalstyle="postgres", timezone="UTC")
        with step("Making the schema"):
            _run(cursor, SCHEMA)
            # Made once over all rows, indexes and foreign keys take a fraction of the time.
            keys = _take_keys(cursor)
        for name in ROWS:
            with step(f"Making up the {name.removesuffix('.sql')}"):
                _run(cursor, HERE / name)
        for number, (_, create) in enumerate(keys, 1):
            with step(f"Making key {number} of {len(keys)}"):
                cursor.execute(create)
        with step("Counting, and gathering the statistics"):
            counts = {table: _finish(cursor, table) for table in TABLES}
        _tidy(cursor)
    return counts


def _set(cursor: Any, **settings: object) -> None:
    """Set parameters until the transaction ends."""
    for name, value in settings.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])


def _run(cursor: Any, script: Path) -> None:
    cursor.execute(script.read_text(encoding="utf-8"))


def _take_keys(cursor: Any) -> list[tuple[str, str]]:
    """Drop all indexes and keys but the primary ones; return them as (drop, create)."""
    cursor.execute(KEYS, {"tables": list(TABLES)})
    keys = [(drop, create) for drop, create, _ in cursor.fetchall()]
    for drop, _ in keys:
        cursor.execute(drop)
    return keys


def _finish(cursor: Any, table: str) -> int:
    """Put a table's sequence behind its last id, gather its statistics; return its row count."""
    name = sql.Identifier(table)
    cursor.execute(sql.SQL("SELECT count(*), max(id) FROM {}").format(name))
    count, last = cursor.fetchone()
    if last is not None:
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, last])
    cursor.execute(sql.SQL("ANALYZE {}").format(name))
    return int(count)


def _tidy(cursor: Any) -> None:
    """Drop the temporary functions: behind a pooler the session may outlive this process."""
    cursor.execute(
        "SELECT 'DROP FUNCTION ' || oid::regprocedure FROM pg_proc"
        " WHERE pronamespace = pg_my_temp_schema()"
    )
    for (drop,) in cursor.fetchall():
        cursor.execute(drop)
