"""What is wrong with the bridge that stands, compared with what would be made now."""

from collections.abc import Iterator
from typing import Any

from contacts.restructuring.bridge.columns import missing_columns, view_columns
from contacts.restructuring.bridge.description import INDEXES, TRIGGERS, VIEWS, Bridge
from contacts.restructuring.bridge.functions import bridge_functions
from contacts.restructuring.bridge.grants import held_on, reads_as_invoker, wanted_grants
from contacts.restructuring.bridge.indexes import standing_indexes
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import rows, spelled, value

COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
     WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
INVOKER = """
    SELECT coalesce('security_invoker=true' = ANY(reloptions), false) FROM pg_class WHERE oid = %s
"""
FUNCTIONS = """
    SELECT proname, prosrc, prosecdef, coalesce(array_to_string(proconfig, '; '), '')
      FROM pg_proc WHERE pronamespace = to_regnamespace(quote_ident(%s))
"""
ENABLED = """
    SELECT t.tgname, t.tgrelid::bigint FROM pg_trigger t
     WHERE t.tgname = ANY(%s) AND t.tgenabled IN ('O', 'A')
"""


def bridge_problems(cursor: Any, layout: Layout, bridge: Bridge) -> Iterator[str]:
    """Yield a sentence for each difference between the bridge and what it should be.

    Names have to mean the tables' own schema first.
    """
    lost = missing_columns(cursor, layout)
    if lost:
        yield f"The legacy columns {', '.join(lost)} are gone, which its views would show"
        return
    if bridge.memory is None:
        yield "What it remembers for the day it goes is gone: the comment of its write function"
    columns = view_columns(cursor, layout)
    for view, table in VIEWS.items():
        oid = bridge.oids[view]
        if oid is None:
            yield f"View {bridge.schema}.{view} is missing"
            continue
        wanted = [(column.name, column.base.type) for column in columns[view]]
        if rows(cursor, COLUMNS, [oid]) != wanted:
            yield f"View {bridge.schema}.{view} has other columns than the legacy table"
        if value(cursor, INVOKER, [oid]) is not reads_as_invoker(cursor, layout.tables[table]):
            yield (
                f"View {bridge.schema}.{view} reads with other rights than it should: row-level "
                f"security or rights on columns of {table} were changed"
            )
        held = set(held_on(cursor, oid))
        for grant in wanted_grants(cursor, layout.tables[table], columns[view]):
            if grant not in held:
                statement = spelled(cursor, grant.statement(bridge.schema, view))
                yield f"Role {grant.role} may do on {table} what it may not on {view}: {statement}"
    yield from _code_problems(cursor, layout, bridge)


def _code_problems(cursor: Any, layout: Layout, bridge: Bridge) -> Iterator[str]:
    columns = view_columns(cursor, layout)["customers"]
    present = {name: rest for name, *rest in rows(cursor, FUNCTIONS, [bridge.schema])}
    enabled = set(rows(cursor, ENABLED, [list(TRIGGERS)]))
    oids = {name: table.oid for name, table in layout.tables.items()}
    oids["customers"] = bridge.oids["customers"] or 0
    for function in bridge_functions(cursor, layout, bridge.schema, columns):
        if function.name not in present:
            yield f"Function {bridge.schema}.{function.name} is missing"
            continue
        body, definer, settings = present[function.name]
        if body != function.body:
            yield f"Function {bridge.schema}.{function.name} says something else than was made"
        if definer != function.definer or definer is not settings.startswith("search_path=pg_cat"):
            yield f"Function {bridge.schema}.{function.name} runs with other rights or settings"
        relation = TRIGGERS.get(function.name)
        if relation and (function.name, oids[relation]) not in enabled:
            yield f"Trigger {function.name} on {relation} is missing or disabled"
    for name in sorted(set(INDEXES.values()) - standing_indexes(cursor, layout)):
        yield f"Index {name} on contacts is missing or invalid"
