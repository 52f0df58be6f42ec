"""Whether the names are free that a rollback gives back to the legacy schema, drifted ones too.

What bears one of these names on its own table and says what it is to say is no obstacle, and
neither is what the restructuring itself has named so: that goes or gets its former name.
"""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Check, Finding, problems
from contacts.restructuring.checks.target_names import (
    TAKEN_TYPES,
    needed_name,
    quoted_schema,
    what_it_is,
)
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    own_names,
    present_objects,
    wanted_objects,
)
from jmsk.postgres.catalogue import TableObject, Type

WITH_INDEX = (Type.PRIMARY_KEY, Type.UNIQUE, Type.EXCLUDE)
TAKEN = """
    SELECT c.relname, c.relkind::text, coalesce(i.indrelid, c.oid)::regclass::text
      FROM pg_class c
      LEFT JOIN pg_index i ON i.indexrelid = c.oid
     WHERE c.relnamespace = %s::regnamespace AND c.relname = ANY(%s)
     ORDER BY 1
"""


def legacy_names(inspector: Inspector) -> Finding:
    """Whether something bears a name that the legacy schema needs again."""
    return problems([*_taken_on_other_tables(inspector), *_taken_on_the_table(inspector)])


def _taken_on_other_tables(inspector: Inspector) -> Iterator[str]:
    """Indexes, sequences, tables and types: their names are unique in a schema."""
    needed = {"customers"}
    for table in TABLES:
        here = {item.name for item in present_objects(inspector.cursor, table)}
        wanted = wanted_objects(inspector.cursor, table)
        needed |= {item.name for item in wanted if _is_relation(item)} - here
    schema = quoted_schema(inspector)
    own = own_names()
    for name, kind, table in inspector.rows(TAKEN, [schema, sorted(needed)]):
        if name not in own:
            yield needed_name(name, what_it_is(kind, table))
    for (name,) in inspector.rows(TAKEN_TYPES, [schema, ["customers"]]):
        yield needed_name(name, "it is a type")


def _taken_on_the_table(inspector: Inspector) -> Iterator[str]:
    """Columns and objects of the tables themselves that have got a legacy name since."""
    if "customer_id" in inspector.layout.tables["orders"].column_names:
        yield needed_name("customer_id", "orders has such a column")
    own = own_names()
    for table in TABLES:
        wanted = {item.name: item for item in wanted_objects(inspector.cursor, table)}
        for item in present_objects(inspector.cursor, table):
            want = wanted.get(item.name)
            if want and not item.twin_of(want) and item.name not in own:
                article = "an" if item.kind == "index" else "a"
                yield needed_name(item.name, f"it is {article} {item.kind} of {now_called(table)}")


def _is_relation(item: TableObject) -> bool:
    return item.kind != "constraint" or item.type in WITH_INDEX


CHECK = Check(
    "legacy_names",
    "Names of the legacy schema are free",
    legacy_names,
    "Rename what bears the name, or move it to another schema.",
)
