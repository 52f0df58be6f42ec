"""Keys that the restructuring, or its way back, can neither keep as they are nor replace."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import email_keys, legacy_models
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    own_names,
    wanted_and_present,
    wanted_objects,
)
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import TableObject, Type, read_objects
from jmsk.postgres.references import ForeignKey, foreign_keys_to

HAS_KEY = """
    SELECT EXISTS (
        SELECT 1 FROM pg_index i
          JOIN LATERAL (SELECT array_agg(a.attname::text) AS columns FROM pg_attribute a
                         WHERE a.attrelid = i.indrelid
                           AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) k ON true
         WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL
           AND k.columns @> %s::text[] AND k.columns <@ %s::text[])
"""
"""A foreign key finds its columns in whatever order the key has them."""


@check(
    "Keys that are replaced are free to go",
    "Drop these keys for the time of the migration, or replace them by plain ones.",
)
def replaced_keys(inspector: Inspector) -> Iterator[str]:
    """Whether primary keys are plain ones, and nobody refers to a key that goes."""
    for table, model in legacy_models().items():
        expected = f"PRIMARY KEY ({model._meta.pk.column})"
        present = _primary_key(inspector.once(read_objects, table))
        if present and present.definition_without_storage != expected:
            yield _not_as_expected(table, present, expected)
    going = [item.name for item in email_keys(inspector.once(read_objects, "customers"))]
    for key in foreign_keys_to(inspector.cursor, inspector.oids(["customers"])):
        if key.index in going:
            yield _refers_to_what_goes(key)


def _primary_key(objects: list[TableObject]) -> TableObject | None:
    return next((item for item in objects if item.type is Type.PRIMARY_KEY), None)


def _not_as_expected(table: str, item: TableObject, expected: str) -> str:
    return f"{table}: {item.name} is {item.definition}, not {expected}"


def _refers_to_what_goes(key: ForeignKey) -> str:
    return f"Constraint {key.name} on {key.table} refers to {key.index}, which goes"


@check(
    replaced_keys.title,
    "Drop the foreign keys that refer to what goes; make the other keys what they were.",
    name=replaced_keys.id,
)
def replaced_keys_back(inspector: Inspector) -> Iterator[str]:
    """Whether primary keys are those that come back, and nobody refers to a key that goes."""
    yield from _changed_primary_keys(inspector)
    yield from _missing_targets(inspector)
    yield from _referring_back(inspector)


def _changed_primary_keys(inspector: Inspector) -> Iterator[str]:
    for table in TABLES:
        wanted = _primary_key(wanted_objects(inspector.once(read_record), table))
        present = _primary_key(inspector.once(read_objects, now_called(table)))
        if wanted and present and not present.twin_of(wanted):
            yield _not_as_expected(now_called(table), present, wanted.definition_without_storage)


def _missing_targets(inspector: Inspector) -> Iterator[str]:
    """Keys of tables that the restructuring leaves alone, and that foreign keys need again."""
    for table in TABLES:
        for want in wanted_objects(inspector.once(read_record), table):
            if not want.reference or want.target in TABLES:
                continue
            columns = list(want.target_columns)
            if not inspector.value(HAS_KEY, [want.target, columns, columns]):
                named = ", ".join(columns)
                yield f"{want.target} has no key ({named}), which {want.name} refers to"


def _referring_back(inspector: Inspector) -> Iterator[str]:
    own, ours = own_names(), inspector.oids(map(now_called, TABLES))
    for table in TABLES:
        wanted, present = wanted_and_present(inspector, table)
        going = [
            item.name
            for item in present
            if item.name in own and not any(item.twin_of(want) for want in wanted)
        ]
        oid = inspector.layout.tables[now_called(table)].oid
        for key in foreign_keys_to(inspector.cursor, [oid]):
            if key.index in going and not (key.oid in ours and key.name in own):
                yield _refers_to_what_goes(key)
