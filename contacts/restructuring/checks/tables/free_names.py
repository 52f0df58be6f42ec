"""Whether the names are free that the restructuring gives, and those that its way back gives again.

What bears a legacy name on its own table and says what it is to say is no obstacle to the way back,
and neither is what the restructuring itself has named so: that goes or gets its former name.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings

from contacts.restructuring.checks.base import check
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
    wanted_and_present,
)
from jmsk.postgres.catalogue import Type, model_objects
from jmsk.postgres.django_schema import applied_migrations
from jmsk.postgres.sequences import feeding_sequences

TAKEN_PARTS = """
    SELECT conname, 'it is a constraint of ' || conrelid::regclass FROM pg_constraint
     WHERE conrelid = ANY(%(tables)s::oid[]) AND conname = ANY(%(constraints)s)
    UNION ALL
    SELECT c.relname, 'it is an index of ' || i.indrelid::regclass
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = ANY(%(tables)s::oid[]) AND c.relname = ANY(%(constraints)s)
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                        WHERE k.conindid = c.oid AND k.conname = c.relname)
    UNION ALL
    SELECT tgname, 'it is a trigger of ' || tgrelid::regclass FROM pg_trigger
     WHERE tgrelid = ANY(%(tables)s::oid[]) AND tgname = ANY(%(triggers)s)
    UNION ALL
    SELECT proname, 'it is a function' FROM pg_proc
     WHERE pronamespace = %(schema)s::regnamespace AND proname = ANY(%(triggers)s) AND pronargs = 0
    UNION ALL
    SELECT typname, 'it is a type' FROM pg_type
     WHERE typnamespace = %(schema)s::regnamespace AND typname = ANY(%(types)s)
       AND typrelid = 0 AND typelem = 0
     ORDER BY 2, 1
"""
NO_PARTS: dict[str, list[Any]] = {"tables": [], "constraints": [], "triggers": []}

WITH_INDEX = (Type.PRIMARY_KEY, Type.UNIQUE, Type.EXCLUDE)
TAKEN_RELATIONS = """
    SELECT c.relname, c.relkind::text, coalesce(i.indrelid, c.oid)::regclass::text
      FROM pg_class c
      LEFT JOIN pg_index i ON i.indexrelid = c.oid
     WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY(%(names)s)
       AND c.oid <> ALL(%(but)s::oid[])
       AND coalesce(i.indrelid, (SELECT d.refobjid FROM pg_depend d
                                  WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')
                                    AND d.classid = 'pg_class'::regclass LIMIT 1), c.oid)
           <> ALL(%(of)s::oid[])
     ORDER BY 1
"""
"""What bears one of the names in the schema, but for some objects and those of some tables."""

RENAME = "Rename what bears the name, or move it to another schema."
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


@check("Names of the target are free", RENAME)
def free_names(inspector: Inspector) -> Iterator[str]:
    """Whether something bears a name that the target needs for what it adds."""
    ours, schema = inspector.oids(), inspector.text(inspector.layout.schema)
    names = {"addresses", "contacts"} | _djangos_own(inspector)
    for model in target_models().values():
        names |= {item.name for item in (*model_objects(model), *partial_unique_indexes(model))}
    taken = {"schema": schema, "names": sorted(names), "of": ours, "but": _feeding(inspector)}
    for name, kind, owner in inspector.rows(TAKEN_RELATIONS, taken):
        yield _needed_name(name, _what_it_is(kind, owner))
    yield from _taken_columns(inspector)
    parts = {
        "tables": ours,
        "constraints": _added_constraints(),
        "triggers": list(triggers()),
        "schema": schema,
        "types": ["addresses", "contacts"],
    }
    for name, what in inspector.rows(TAKEN_PARTS, parts):
        yield _needed_name(name, what)


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


def _taken_columns(inspector: Inspector) -> Iterator[str]:
    for name, legacy in legacy_models().items():
        target = target_models()[RENAMED.get(name, name)]
        added = {field.column for field in target._meta.concrete_fields}
        added -= {field.column for field in legacy._meta.concrete_fields}
        for column in inspector.layout.tables[name].column_names:
            if column in added:
                yield _needed_name(column, f"{name} has such a column")


def _added_constraints() -> list[str]:
    """The names that are made as they are, without a look at what the table has already."""
    models = target_models().values()
    checks = [rule.name for _, rule in check_rules()]
    unique = [item.name for model in models for item in partial_unique_indexes(model)]
    return [*checks, *unique, "fk_companies_default_address"]


@check("Names of the legacy schema are free", RENAME)
def legacy_names(inspector: Inspector) -> Iterator[str]:
    """Whether something bears a name that the legacy schema needs again."""
    yield from _taken_in_schema(inspector)
    yield from _taken_on_the_table(inspector)


def _taken_in_schema(inspector: Inspector) -> Iterator[str]:
    """Indexes, sequences, tables and types: their names are unique in a schema."""
    needed = {"customers"}
    for table in TABLES:
        wanted, present = wanted_and_present(inspector, table)
        relations = (i for i in wanted if i.kind != "constraint" or i.type in WITH_INDEX)
        needed |= {item.name for item in relations} - {item.name for item in present}
    schema, own = inspector.text(inspector.layout.schema), own_names()
    taken = {"schema": schema, "names": sorted(needed), "of": [], "but": []}
    for name, kind, table in inspector.rows(TAKEN_RELATIONS, taken):
        if name not in own:
            yield _needed_name(name, _what_it_is(kind, table))
    types = {**NO_PARTS, "schema": schema, "types": ["customers"]}
    for name, what in inspector.rows(TAKEN_PARTS, types):
        yield _needed_name(name, what)


def _taken_on_the_table(inspector: Inspector) -> Iterator[str]:
    """Columns and objects of the tables themselves that have got a legacy name since."""
    if "customer_id" in inspector.layout.tables["orders"].column_names:
        yield _needed_name("customer_id", "orders has such a column")
    own = own_names()
    for table in TABLES:
        wanted, present = wanted_and_present(inspector, table)
        by_name = {item.name: item for item in wanted}
        for item in present:
            want = by_name.get(item.name)
            if want and not item.twin_of(want) and item.name not in own:
                article = "an" if item.kind == "index" else "a"
                yield _needed_name(item.name, f"it is {article} {item.kind} of {now_called(table)}")
