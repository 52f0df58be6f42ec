"""Keys that the restructuring, or its way back, can neither keep as they are nor replace."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import ONE_EMAIL_PER_TENANT, legacy_models
from contacts.restructuring.state.legacy_objects import (
    FOREIGN_KEY,
    TABLES,
    now_called,
    own_names,
    present_objects,
    wanted_objects,
)
from jmsk.postgres.catalogue import read_objects

REFERRING = """
    SELECT f.conname, f.conrelid::regclass::text, c.relname
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conindid
     WHERE f.contype = 'f' AND f.confrelid = %s AND c.relname = ANY(%s)
     ORDER BY 2, 1
"""
HAS_KEY = """
    SELECT EXISTS (
        SELECT 1 FROM pg_index i
          JOIN LATERAL (SELECT array_agg(quote_ident(a.attname)) AS columns FROM pg_attribute a
                         WHERE a.attrelid = i.indrelid
                           AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) k ON true
         WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL
           AND k.columns @> %s::text[] AND k.columns <@ %s::text[])
"""
"""A foreign key finds its columns in whatever order the key has them."""

PRIMARY = "PRIMARY KEY"


def replaced_keys(inspector: Inspector) -> Finding:
    """Whether primary keys are plain ones, and nobody refers to a key that goes."""
    return problems([*_other_primary_keys(inspector), *_referring(inspector)])


def _other_primary_keys(inspector: Inspector) -> Iterator[str]:
    for table, model in legacy_models().items():
        expected = f"PRIMARY KEY ({model._meta.pk.column})"
        for item in read_objects(inspector.cursor, table):
            if item.definition.startswith(PRIMARY) and item.essence != expected:
                yield f"{table}: {item.name} is {item.definition}, not {expected}"


def _referring(inspector: Inspector) -> Iterator[str]:
    objects = read_objects(inspector.cursor, "customers")
    going = [item.name for item in objects if item.rule in ONE_EMAIL_PER_TENANT]
    for name, table, key in inspector.rows(
        REFERRING, [inspector.layout.tables["customers"].oid, going]
    ):
        yield f"Constraint {name} on {table} refers to {key}, which goes"


def replaced_keys_back(inspector: Inspector) -> Finding:
    """Whether primary keys are those that come back, and nobody refers to a key that goes."""
    return problems(
        [
            *_changed_primary_keys(inspector),
            *_missing_targets(inspector),
            *_referring_back(inspector),
        ]
    )


def _changed_primary_keys(inspector: Inspector) -> Iterator[str]:
    for table in TABLES:
        wanted = [item.essence for item in wanted_objects(inspector.cursor, table)]
        expected = next((essence for essence in wanted if essence.startswith(PRIMARY)), None)
        for item in read_objects(inspector.cursor, now_called(table)):
            if expected and item.essence.startswith(PRIMARY) and item.essence != expected:
                yield f"{now_called(table)}: {item.name} is {item.definition}, not {expected}"


def _missing_targets(inspector: Inspector) -> Iterator[str]:
    """Keys of tables that the restructuring leaves alone, and that foreign keys need again."""
    for table in TABLES:
        for want in wanted_objects(inspector.cursor, table):
            reference = FOREIGN_KEY.match(want.definition)
            if not reference or reference[2] in TABLES:
                continue
            columns = reference[3].split(", ")
            if not inspector.value(HAS_KEY, [reference[2], columns, columns]):
                yield f"{reference[2]} has no key ({reference[3]}), which {want.name} refers to"


def _referring_back(inspector: Inspector) -> Iterator[str]:
    own, ours = own_names(), {now_called(table) for table in TABLES}
    for table in TABLES:
        wanted = wanted_objects(inspector.cursor, table)
        going = [
            item.name
            for item in present_objects(inspector.cursor, table)
            if item.name in own and not any(item.twin_of(want) for want in wanted)
        ]
        oid = inspector.layout.tables[now_called(table)].oid
        for name, referring, key in inspector.rows(REFERRING, [oid, going]):
            if not (referring in ours and name in own):
                yield f"Constraint {name} on {referring} refers to {key}, which goes"


CHECK = Check(
    "replaced_keys",
    "Keys that are replaced are free to go",
    Severity.ERROR,
    replaced_keys,
    "Drop these keys for the time of the migration, or replace them by plain ones.",
)
CHECK_BACK = Check(
    "replaced_keys",
    "Keys that are replaced are free to go",
    Severity.ERROR,
    replaced_keys_back,
    "Drop the foreign keys that refer to what goes; make the other keys what they were.",
)
