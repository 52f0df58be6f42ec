"""Keys that the restructuring can neither keep as they are nor replace."""

from collections.abc import Iterator

from contacts.restructuring.checks import Check, Finding, Scene, Severity, problems
from contacts.restructuring.expectations import ONE_EMAIL_PER_TENANT, legacy_models
from jmsk.catalogue import read_objects

REFERRING = """
    SELECT f.conname, f.conrelid::regclass::text, c.relname
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conindid
     WHERE f.contype = 'f' AND f.confrelid = %s AND c.relname = ANY(%s)
     ORDER BY 2, 1
"""


def settled_keys(scene: Scene) -> Finding:
    """Whether primary keys are plain ones, and nobody refers to a key that goes."""
    return problems([*_other_primary_keys(scene), *_referring(scene)])


def _other_primary_keys(scene: Scene) -> Iterator[str]:
    for table, model in legacy_models().items():
        expected = f"PRIMARY KEY ({model._meta.pk.column})"
        for item in read_objects(scene.cursor, table):
            if item.definition.startswith("PRIMARY KEY") and item.essence != expected:
                yield f"{table}: {item.name} is {item.definition}, not {expected}"


def _referring(scene: Scene) -> Iterator[str]:
    objects = read_objects(scene.cursor, "customers")
    going = [item.name for item in objects if item.rule in ONE_EMAIL_PER_TENANT]
    for name, table, key in scene.rows(REFERRING, [scene.layout.tables["customers"].oid, going]):
        yield f"Constraint {name} on {table} refers to {key}, which goes"


CHECK = Check(
    "settled_keys",
    "Keys that are replaced are free to go",
    Severity.ERROR,
    settled_keys,
    "Drop these keys for the time of the migration, or replace them by plain ones.",
)
