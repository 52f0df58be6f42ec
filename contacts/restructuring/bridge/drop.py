"""Taking the bridge away, in an open transaction, and giving the roles their search path back."""

from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge.description import (
    COUNTERS,
    DEFAULT_COMPANY_FUNCTION,
    FUNCTIONS,
    TRIGGERS,
    Bridge,
)
from contacts.restructuring.bridge.grants import take_back
from contacts.restructuring.bridge.indexes import drop_indexes
from contacts.restructuring.bridge.roles import lead_back
from contacts.restructuring.database.layout import Layout

LEFT = """
    SELECT EXISTS (SELECT 1 FROM pg_depend
                    WHERE refclassid = 'pg_namespace'::regclass
                      AND refobjid = to_regnamespace(quote_ident(%s)))
"""


def drop_bridge(cursor: Any, layout: Layout, bridge: Bridge, *, indexes: bool = True) -> list[str]:
    """Take the bridge away, with its ``indexes`` or without. No row changes.

    The caller has a transaction open and holds the tables. Returns what it left, in sentences: a
    role that has got another search path since, a schema that holds something of others. What
    others have built on the views is no part of the bridge: PostgreSQL refuses to drop them then.
    """
    contacts = layout.tables["contacts"]
    for name, relation in TRIGGERS.items():
        if relation in layout.tables:
            _drop(cursor, "TRIGGER IF EXISTS {name} ON {relation}", name, layout.schema, relation)
    for view, counter in COUNTERS.items():
        _drop(cursor, "VIEW IF EXISTS {relation}", view, bridge.schema, view)
        _drop(cursor, "MATERIALIZED VIEW IF EXISTS {relation}", counter, bridge.schema, counter)
    for name in FUNCTIONS:
        arguments = "integer" if name == DEFAULT_COMPANY_FUNCTION else ""
        what = f"FUNCTION IF EXISTS {{relation}}({arguments})"
        _drop(cursor, what, name, bridge.schema, name)
    if indexes:
        drop_indexes(cursor, layout)
    left = []
    if bridge.memory:
        take_back(cursor, contacts, bridge.memory.grants)
        left += [
            f"Role {role} has got another search_path since, which stays"
            for role in lead_back(cursor, bridge.memory.roles)
        ]
    left += _drop_schema(cursor, bridge)
    return left


def _drop(cursor: Any, template: str, name: str, schema: str, relation: str) -> None:
    names = {"name": sql.Identifier(name), "relation": sql.Identifier(schema, relation)}
    cursor.execute(sql.SQL(f"DROP {template}").format(**names))


def _drop_schema(cursor: Any, bridge: Bridge) -> list[str]:
    """Drop the schema, if the bridge made it and nothing of others lies there."""
    if bridge.memory is None or bridge.memory.schema_was_there:
        return []
    cursor.execute(LEFT, [bridge.schema])
    if cursor.fetchone()[0]:
        return [f"Schema {bridge.schema} holds something of others, so it stays"]
    cursor.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(bridge.schema)))
    return []
