"""Whether tables and rows let the foreign keys and indexes be made that the target has."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Finding, check, problems, rows, together
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.state.expected import RENAMED, target_models
from jmsk.postgres.catalogue import TableObject, Type, model_objects, read_objects

UNLOGGED = "SELECT relname FROM pg_class WHERE oid = ANY(%s::oid[]) AND relpersistence = 'u'"
MOST_BYTES = 2704
"""The largest row of a B-tree index, in bytes."""
LONG_BYTES = 1900
"""What is shorter as it is stored, in bytes, fits any index."""
TOO_LONG = """
    SELECT id, size FROM (
        SELECT id, (8 + {numbers} + pg_column_size({text}) + 4 + 7) / 8 * 8 AS size FROM {table}
         WHERE pg_column_size({text}) > {long}) AS measured
     WHERE size > {most}
"""
"""An index holds a value compressed as the table does, behind a header; its rows end at a multiple
of 8 bytes."""


@check(
    "Keys and indexes of the target can be made",
    "ALTER TABLE … SET LOGGED makes a table one that others may refer to. Shorten the values that "
    "an index has no room for, or set them to NULL.",
)
def made_objects(inspector: Inspector) -> Finding:
    """Whether every foreign key may be made, and every indexed value fits its index."""
    return together([problems(_keys_to_unlogged_tables(inspector)), *_values_too_long(inspector)])


def _keys_to_unlogged_tables(inspector: Inspector) -> Iterator[str]:
    """What is logged, as addresses is going to be, must not refer to what is not."""
    found = inspector.column(UNLOGGED, [inspector.oids()])
    unlogged = {RENAMED.get(name, name): name for name in found}
    for table, model in target_models().items():
        for item in model_objects(model):
            if item.target in unlogged and table not in unlogged:
                target = unlogged[item.target]
                yield f"{target} is UNLOGGED, so {item.name} of {table} cannot be made"


def _values_too_long(inspector: Inspector) -> Iterator[Finding]:
    models = target_models()
    for table in LEGACY_NAMES:
        present = inspector.once(read_objects, table)
        model = models[RENAMED.get(table, table)]
        for item in model_objects(model):
            if item.type is Type.UNIQUE and not any(other.twin_of(item) for other in present):
                yield _too_long(inspector, table, item)


def _too_long(inspector: Inspector, table: str, item: TableObject) -> Finding:
    # The one text of each of these keys is its last column; before it stand ids.
    *ids, text = item.columns
    numbers = " + ".join(f"coalesce(pg_column_size({name}), 4)" for name in ids) or "0"
    query = TOO_LONG.format(
        numbers=numbers, text=text, table=table, long=LONG_BYTES, most=MOST_BYTES
    )
    told = f"Row {{id}} of {table}: its {text} takes {{size}} bytes in {item.name}, which takes "
    return rows(inspector, query, f"{told}{MOST_BYTES}")
