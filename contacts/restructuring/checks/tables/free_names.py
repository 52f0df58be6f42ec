"""Whether the names are free that the restructuring gives, and those that its way back gives again.

What bears a legacy name on its own table and says what it is to say is no obstacle to the way back,
and neither is what the restructuring itself has named so: that goes or gets its former name.
"""

from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from psycopg2 import sql

from contacts.restructuring.checks.base import Check, Finding, problems
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.state.expected import (
    RENAMED,
    check_rules,
    legacy_models,
    partial_unique_indexes,
    target_models,
    triggers,
)
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    own_names,
    present_objects,
    wanted_objects,
)
from jmsk.postgres.catalogue import TableObject, Type, model_objects
from jmsk.postgres.django_schema import applied_migrations
from jmsk.postgres.sequences import feeding_sequences

TAKEN_CONSTRAINTS = (
    "SELECT conname, conrelid::regclass FROM pg_constraint "
    "WHERE conrelid = ANY(%s::oid[]) AND conname = ANY(%s) ORDER BY 1"
)
TAKEN_INDEXES = (
    "SELECT c.relname, i.indrelid::regclass FROM pg_index i "
    "JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = ANY(%s::oid[]) AND c.relname = ANY(%s) AND NOT EXISTS "
    "(SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid AND k.conname = c.relname) ORDER BY 1"
)
TAKEN_TRIGGERS = (
    "SELECT tgname, tgrelid::regclass FROM pg_trigger "
    "WHERE tgrelid = ANY(%s::oid[]) AND tgname = ANY(%s) ORDER BY 1"
)
TAKEN_FUNCTIONS = (
    "SELECT proname FROM pg_proc WHERE pronamespace = %s::regnamespace "
    "AND proname = ANY(%s) AND pronargs = 0 ORDER BY 1"
)
TAKEN_TYPES = (
    "SELECT typname FROM pg_type WHERE typnamespace = %s::regnamespace "
    "AND typname = ANY(%s) AND typrelid = 0 AND typelem = 0 ORDER BY 1"
)

WITH_INDEX = (Type.PRIMARY_KEY, Type.UNIQUE, Type.EXCLUDE)
TAKEN_RELATIONS = """
    SELECT c.relname, c.relkind::text, coalesce(i.indrelid, c.oid)::regclass::text
      FROM pg_class c
      LEFT JOIN pg_index i ON i.indexrelid = c.oid
     WHERE c.relnamespace = %s::regnamespace AND c.relname = ANY(%s)
     ORDER BY 1
"""

KINDS = {
    "S": "a sequence",
    "c": "a composite type",
    "f": "a foreign table",
    "m": "a materialized view",
    "p": "a partitioned table",
    "r": "a table",
    "v": "a view",
}


def _needed_name(name: str, taken: str) -> str:
    """Return the sentence that says that ``name`` is needed, and by what it is ``taken``."""
    return f"The name {name} is needed, but it is taken: {taken}"


def _what_it_is(kind: str, table: str) -> str:
    """Say what the relation of the relkind ``kind`` is; ``table`` is the one that it indexes."""
    return f"it is {KINDS.get(kind) or f'an index of {table}'}"


def free_names(inspector: Inspector) -> Finding:
    """Whether something bears a name that the target needs for what it adds."""
    return problems([*_taken_names(inspector), *_taken_parts(inspector)])


def _taken_names(inspector: Inspector) -> Iterator[str]:
    tables = target_models()
    names = {item.name for model in tables.values() for item in model_objects(model)}
    names |= {item.name for model in tables.values() for item in partial_unique_indexes(model)}
    names |= {"addresses", "contacts"} | _djangos_own(inspector)
    taken = inspector.rows(
        "SELECT c.relname, coalesce(i.indrelid, c.oid)::regclass, c.relkind FROM pg_class c "
        "LEFT JOIN pg_index i ON i.indexrelid = c.oid "
        "WHERE c.relnamespace = %s::regnamespace AND c.relname = ANY(%s) "
        "AND NOT (coalesce(i.indrelid, (SELECT d.refobjid FROM pg_depend d "
        "WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass "
        "LIMIT 1), c.oid) = ANY(%s::oid[])) AND c.oid <> ALL(%s::oid[])",
        [
            _quoted_schema(inspector),
            sorted(names),
            inspector.oids(LEGACY_NAMES),
            _feeding(inspector),
        ],
    )
    for name, owner, kind in taken:
        yield _needed_name(name, _what_it_is(kind, owner))


def _feeding(inspector: Inspector) -> list[int]:
    """The sequences that feed the tables' columns, also those that belong to no column."""
    return [
        sequence.oid
        for name in LEGACY_NAMES
        for sequence in feeding_sequences(inspector.cursor, name).values()
    ]


def _djangos_own(inspector: Inspector) -> set[str]:
    """The tables of Django's own apps, and of ours, that ``migrate`` has still to make.

    None where they have a schema of their own.
    """
    if settings.DJANGO_SCHEMA:
        return set()
    applied = {app for app, _ in applied_migrations(inspector.connection)}
    models = [model._meta for model in apps.get_models(include_auto_created=True)]
    return {meta.db_table for meta in models if meta.app_label not in applied} - {*LEGACY_NAMES}


def _taken_parts(inspector: Inspector) -> Iterator[str]:
    """Columns, constraints, triggers, functions and types in the way of new ones."""
    for name, table in inspector.layout.tables.items():
        model = target_models().get(RENAMED.get(name, name))
        legacy = legacy_models().get(name)
        if model is None or legacy is None:
            continue
        known = {field.column for field in legacy._meta.concrete_fields}
        added = [f.column for f in model._meta.concrete_fields if f.column not in known]
        for column in [name for name in table.column_names if name in added]:
            yield _needed_name(column, f"{name} has such a column")
    for what, query, names in (
        ("a constraint", TAKEN_CONSTRAINTS, _added_constraints()),
        ("an index", TAKEN_INDEXES, _added_constraints()),
        ("a trigger", TAKEN_TRIGGERS, list(triggers())),
    ):
        for name, table_name in inspector.rows(query, [inspector.oids(LEGACY_NAMES), names]):
            yield _needed_name(name, f"it is {what} of {table_name}")
    for (name,) in inspector.rows(TAKEN_FUNCTIONS, [_quoted_schema(inspector), list(triggers())]):
        yield _needed_name(name, "it is a function")
    for (name,) in inspector.rows(
        TAKEN_TYPES, [_quoted_schema(inspector), ["addresses", "contacts"]]
    ):
        yield _needed_name(name, "it is a type")


def _added_constraints() -> list[str]:
    """The names that are made as they are, without a look at what the table has already."""
    models = target_models()
    checks = [rule.name for _, rule in check_rules(models)]
    unique = [item.name for model in models.values() for item in partial_unique_indexes(model)]
    return [*checks, *unique, "fk_companies_default_address"]


def _quoted_schema(inspector: Inspector) -> str:
    """Return the name of the tables' schema, quoted: it may hold quotes itself."""
    return inspector.text(sql.Identifier(inspector.layout.schema))


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
    schema = _quoted_schema(inspector)
    own = own_names()
    for name, kind, table in inspector.rows(TAKEN_RELATIONS, [schema, sorted(needed)]):
        if name not in own:
            yield _needed_name(name, _what_it_is(kind, table))
    for (name,) in inspector.rows(TAKEN_TYPES, [schema, ["customers"]]):
        yield _needed_name(name, "it is a type")


def _taken_on_the_table(inspector: Inspector) -> Iterator[str]:
    """Columns and objects of the tables themselves that have got a legacy name since."""
    if "customer_id" in inspector.layout.tables["orders"].column_names:
        yield _needed_name("customer_id", "orders has such a column")
    own = own_names()
    for table in TABLES:
        wanted = {item.name: item for item in wanted_objects(inspector.cursor, table)}
        for item in present_objects(inspector.cursor, table):
            want = wanted.get(item.name)
            if want and not item.twin_of(want) and item.name not in own:
                article = "an" if item.kind == "index" else "a"
                yield _needed_name(item.name, f"it is {article} {item.kind} of {now_called(table)}")


def _is_relation(item: TableObject) -> bool:
    return item.kind != "constraint" or item.type in WITH_INDEX


CHECK = Check(
    "free_names",
    "Names of the target are free",
    free_names,
    "Rename what bears the name, or move it to another schema.",
)
CHECK_BACK = Check(
    "legacy_names",
    "Names of the legacy schema are free",
    legacy_names,
    "Rename what bears the name, or move it to another schema.",
)
