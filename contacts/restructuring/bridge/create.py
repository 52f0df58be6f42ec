"""Making the bridge: its views, functions, triggers, indexes and rights, in an open transaction.

A role that finds the bridge's schema before that of the tables reads and writes the legacy tables
as they were. Orders are an automatically updatable view: locks, rechecks, ON CONFLICT and RETURNING
are the table's own. Customers are read in their legacy meaning, so INSTEAD OF triggers write them.
"""

from datetime import UTC, datetime
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge.columns import ViewColumn, view_columns
from contacts.restructuring.bridge.description import (
    COUNTERS,
    DEFAULT_COMPANY_FUNCTION,
    DEFAULT_SCHEMA,
    MEMORY_KEEPER,
    VIEWS,
    Bridge,
    Memory,
    read_bridge,
)
from contacts.restructuring.bridge.drop import drop_bridge
from contacts.restructuring.bridge.functions import Function, bridge_functions
from contacts.restructuring.bridge.grants import (
    give,
    needed_columns,
    reads_as_invoker,
    role_name,
    wanted_grants,
)
from contacts.restructuring.bridge.indexes import make_indexes
from contacts.restructuring.bridge.roles import lead_to_bridge
from contacts.restructuring.bridge.triggers import EVENTS, make_trigger
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import compose, execute, listed, rows, value

COMMENTS = """
    SELECT a.attname, col_description(a.attrelid, a.attnum)
      FROM pg_attribute a
     WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
       AND col_description(a.attrelid, a.attnum) IS NOT NULL
"""
SET_DEFAULT = "ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {}"
COUNTED = "EXISTS (SELECT FROM {}) IS NOT NULL"
"""Always true, found out once for each statement: by a scan, which is counted. A function that
scans costs less, but each process of a parallel plan would call it."""
# A scan by several processes would be counted for each of them.
MAKE_COUNTER = "CREATE MATERIALIZED VIEW {} WITH (parallel_workers = 0) AS SELECT WHERE false"
EMAIL_SCHEMA = """
    SELECT n.nspname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE a.attrelid = %s AND a.attname = 'email'
"""
SCHEMA_COMMENT = (
    "The names of the legacy tables, for the application that still uses them. Made by "
    "'migrate_contacts --bridge', taken away by 'migrate_contacts --drop-bridge'."
)


def create_bridge(
    cursor: Any,
    layout: Layout,
    schema: str = DEFAULT_SCHEMA,
    roles: tuple[str, ...] = (),
    before: Memory | None = None,
    *,
    indexes: bool = True,
) -> Bridge | None:
    """Make the bridge of a migrated database in ``schema``, and lead ``roles`` to it.

    ``before`` is what one remembered that stood there until now; without ``indexes`` none are made.

    The caller has a transaction open in which names mean the tables' own schema first, and holds
    contacts, orders and companies against writers. Returns the bridge.
    """
    columns = view_columns(cursor, layout)
    was_there = _make_schema(cursor, layout, schema)
    needed = needed_columns(cursor, layout.tables["contacts"])
    for view in VIEWS:
        _make_counter(cursor, layout, schema, view)
        _make_view(cursor, layout, schema, view, columns[view])
    functions = bridge_functions(cursor, layout, schema, columns["customers"])
    as_owner = definer_clauses(cursor, layout)
    for function in functions:
        rights = as_owner if function.definer else sql.SQL("SECURITY INVOKER")
        _make_function(cursor, layout, schema, function, rights)
    for function in functions:
        if function.name in EVENTS:
            make_trigger(cursor, layout, schema, function.name)
    if indexes:
        make_indexes(cursor, layout, columns["customers"])
    give(cursor, layout.tables["contacts"], needed)
    _grant(cursor, layout, schema, columns)
    given = lead_to_bridge(cursor, roles, schema)
    made = before.made if before else datetime.now(UTC).isoformat()
    memory = sql.Literal(Memory(made, was_there, given, needed).as_json())
    execute(cursor, "COMMENT ON FUNCTION {}() IS {}", (schema, MEMORY_KEEPER), memory)
    return read_bridge(cursor)


def remake_bridge(cursor: Any, layout: Layout, bridge: Bridge) -> None:
    """Make the bridge that stands anew, in the open transaction: whole, as it should be now.

    Its indexes stay where they are sound.
    """
    drop_bridge(cursor, layout, bridge, indexes=False)
    roles = tuple(item.role for item in bridge.memory.roles) if bridge.memory else ()
    create_bridge(cursor, layout, bridge.schema, roles, bridge.memory)


def _owner(layout: Layout) -> str:
    return layout.tables["companies"].owner


def _make_schema(cursor: Any, layout: Layout, schema: str) -> bool:
    """Make the schema; return whether it was there."""
    if value(cursor, "SELECT to_regnamespace(quote_ident(%s)) IS NOT NULL", [schema]):
        return True
    execute(cursor, "CREATE SCHEMA {}", schema)
    execute(cursor, "COMMENT ON SCHEMA {} IS {}", schema, sql.Literal(SCHEMA_COMMENT))
    execute(cursor, "ALTER SCHEMA {} OWNER TO {}", schema, _owner(layout))
    return False


def _make_counter(cursor: Any, layout: Layout, schema: str, view: str) -> None:
    counter = (schema, COUNTERS[view])
    execute(cursor, MAKE_COUNTER, counter)
    execute(cursor, "ALTER MATERIALIZED VIEW {} OWNER TO {}", counter, _owner(layout))
    execute(cursor, "GRANT SELECT ON {} TO PUBLIC", counter)


def _make_view(
    cursor: Any, layout: Layout, schema: str, view: str, columns: tuple[ViewColumn, ...]
) -> None:
    table = layout.tables[VIEWS[view]]
    invoker = reads_as_invoker(cursor, table)
    name = (schema, view)
    execute(
        cursor,
        "CREATE VIEW {view} {options} AS SELECT {columns} FROM {table} WHERE {counted}",
        view=name,
        options=sql.SQL("WITH (security_invoker = true)" if invoker else ""),
        columns=listed(compose("{} AS {}", column.expression, column.name) for column in columns),
        table=table.identifier,
        counted=compose(COUNTED, (schema, COUNTERS[view])),
    )
    execute(cursor, "ALTER VIEW {} OWNER TO {}", name, _owner(layout))
    for column in columns:
        # The next value of an identity column the trigger draws: that needs no right on a sequence.
        if column.base.default is not None and not column.base.generated:
            default = sql.SQL(column.base.default)
            execute(cursor, SET_DEFAULT, name, column.name, default)
    comment = sql.Literal(value(cursor, "SELECT obj_description(%s, 'pg_class')", [table.oid]))
    execute(cursor, "COMMENT ON VIEW {} IS {}", name, comment)
    comments = dict(rows(cursor, COMMENTS, [table.oid]))
    for column in columns:
        if column.base.name in comments:
            comment = sql.Literal(comments[column.base.name])
            execute(cursor, "COMMENT ON COLUMN {}.{} IS {}", name, column.name, comment)


def _make_function(
    cursor: Any, layout: Layout, schema: str, function: Function, rights: sql.Composable
) -> None:
    signature = "{name}(of_tenant integer) RETURNS integer"
    if function.name != DEFAULT_COMPANY_FUNCTION:
        signature = "{name}() RETURNS trigger"
    name = (schema, function.name)
    execute(
        cursor,
        f"CREATE FUNCTION {signature} LANGUAGE plpgsql {{rights}} AS {{body}}",
        name=name,
        rights=rights,
        body=sql.Literal(function.body),
    )
    execute(cursor, "REVOKE ALL ON FUNCTION {} FROM PUBLIC", name)
    execute(cursor, "ALTER FUNCTION {} OWNER TO {}", name, _owner(layout))


def definer_clauses(cursor: Any, layout: Layout) -> sql.Composed:
    """Return the clauses with which a function runs as its owner, whoever calls it.

    The schema of the e-mails' type is in its path, too: the operators that compare them are there.
    """
    of_email = value(cursor, EMAIL_SCHEMA, [layout.tables["contacts"].oid])
    schemas = dict.fromkeys((layout.schema, of_email))
    path = listed(name for name in schemas if name != "pg_catalog")
    clauses = (
        "SECURITY DEFINER SET search_path = pg_catalog, {path}, pg_temp SET row_security = off"
    )
    return compose(clauses, path=path)


def _grant(
    cursor: Any, layout: Layout, schema: str, columns: dict[str, tuple[ViewColumn, ...]]
) -> None:
    for view, table in VIEWS.items():
        for grant in wanted_grants(cursor, layout.tables[table], columns[view]):
            cursor.execute(grant.statement(schema, view))
            execute(cursor, "GRANT USAGE ON SCHEMA {} TO {}", schema, role_name(grant.role))
