"""Taking the bridge away, in an open transaction, and giving the roles their search path back."""

from typing import Any

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
from jmsk.postgres.queries import execute, value

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
    for name, relation in TRIGGERS.items():
        if relation in layout.tables:
            execute(cursor, "DROP TRIGGER IF EXISTS {} ON {}", name, (layout.schema, relation))
    for view, counter in COUNTERS.items():
        execute(cursor, "DROP VIEW IF EXISTS {}", (bridge.schema, view))
        execute(cursor, "DROP MATERIALIZED VIEW IF EXISTS {}", (bridge.schema, counter))
    for name in FUNCTIONS:
        arguments = "integer" if name == DEFAULT_COMPANY_FUNCTION else ""
        execute(cursor, f"DROP FUNCTION IF EXISTS {{}}({arguments})", (bridge.schema, name))
    if indexes:
        drop_indexes(cursor, layout)
    left = []
    if bridge.memory:
        take_back(cursor, layout.tables["contacts"], bridge.memory.grants)
        left += [
            f"Role {role} has got another search_path since, which stays"
            for role in lead_back(cursor, bridge.memory.roles)
        ]
    return left + _drop_schema(cursor, bridge)


def _drop_schema(cursor: Any, bridge: Bridge) -> list[str]:
    """Drop the schema, if the bridge made it and nothing of others lies there."""
    if bridge.memory is None or bridge.memory.schema_was_there:
        return []
    if value(cursor, LEFT, [bridge.schema]):
        return [f"Schema {bridge.schema} holds something of others, so it stays"]
    execute(cursor, "DROP SCHEMA {}", bridge.schema)
    return []
