"""A hash of a row that sees every bit of it, depends on no setting, and is quick.

The server's own hash of a record costs a fifth of md5 over the row's text. It is the same for as
long as a server runs on its files, which is what a comparison within one run, or between a
preparation and its switch, needs. What must be comparable years later, on another server, is md5.

Types whose hash sees less than their value go through an image of their bytes: minus zero equals
zero for a float, 1.0 equals 1.00 for a numeric, a month equals thirty days for an interval, and of
the 64 bits of a bigint or a timestamp the server hashes 32, one half laid over the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg2 import sql

from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.proof.legacy_meaning import Source
from jmsk.postgres.queries import compose, listed, row, rows

COLUMN_TYPES = """
    SELECT a.attrelid::bigint, a.attname, t.typname, t.typtype::text,
           n.nspname = 'pg_catalog', coalesce(c.collisdeterministic, true)
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      JOIN pg_namespace n ON n.oid = t.typnamespace
      LEFT JOIN pg_collation c ON c.oid = a.attcollation
     WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
"""
AS_IT_IS = "{}"
TEXT = '({})::pg_catalog.text COLLATE "C"'
IMAGES = {
    **dict.fromkeys(
        ("bool", "int2", "int4", "oid", "date", "uuid", "bytea", "text", "varchar"), AS_IT_IS
    ),
    **{name: f"pg_catalog.{name}send({{}})" for name in ("int8", "float4", "float8")},
    **{
        name: f"pg_catalog.{name}_send({{}})"
        for name in ("time", "timestamp", "timestamptz", "interval")
    },
    **dict.fromkeys(("numeric", "bpchar", "json", "jsonb", "xml"), TEXT),
}
"""For each built-in type, what of a value is hashed."""
COLLATED = ("text", "varchar")
TYPES = """
    SELECT t.oid::bigint, t.typname, t.typtype::text, t.typnamespace = 'pg_catalog'::regnamespace
      FROM pg_type t WHERE t.oid = ANY(%s::oid[])
"""
NO_ROW = "SELECT {columns} FROM {table} LIMIT 0"
SUM_OF_ROW_HASHES = "SELECT count(*), coalesce(sum({columns}), 0)::text FROM {table} {where}"
ROW_HASH = (
    "pg_catalog.hashtextextended("
    'pg_catalog.hash_record_extended(ROW({columns}), 0)::pg_catalog.text COLLATE "C", 0)'
)
"""The server adds the hashes of a record's columns, each times a power of 31: in a sum over rows,
two that swap a value would change nothing. So the record's hash is hashed once more, as a text, for
that of a bigint sees 32 bits only.
"""


@dataclass(frozen=True)
class Images:
    """How the columns of one table are hashed, by name.

    ``settings_matter`` says that a column is hashed by a text that depends on settings of the
    session, because its type is none that is known here.
    """

    templates: Mapping[str, str]
    settings_matter: bool

    def row_hash(self, columns: Mapping[str, sql.Composable]) -> sql.Composed:
        """Return the expression of the hash of a row whose ``columns`` are these expressions."""
        images = (compose(self.templates[name], value) for name, value in columns.items())
        return compose(ROW_HASH, columns=listed(images))


def read_images(cursor: Any, oids: list[int]) -> dict[int, Images]:
    """Return how the columns of the tables ``oids`` are hashed, by the table's oid."""
    found: dict[int, dict[str, str]] = {oid: {} for oid in oids}
    unknown = set()
    for oid, column, name, kind, builtin, deterministic in rows(cursor, COLUMN_TYPES, [oids]):
        found[oid][column] = _image(name, kind, builtin=builtin, deterministic=deterministic)
        if found[oid][column] == TEXT and not (builtin and name in IMAGES):
            unknown.add(oid)
    return {oid: Images(templates, oid in unknown) for oid, templates in found.items()}


def _image(name: str, kind: str, *, builtin: bool, deterministic: bool) -> str:
    if kind == "e":
        return AS_IT_IS
    if not builtin or name not in IMAGES:
        return TEXT
    return IMAGES[name] if deterministic else TEXT


def take_exact_fingerprints(cursor: Any, sources: Iterable[Source]) -> dict[str, Fingerprint]:
    """Return the exact fingerprint of each source, by its table's legacy name.

    Comparable within one run on one server only. The settings ``TEXT`` must be in force.
    """
    found = {}
    for source in sources:
        hashed = compose(ROW_HASH, columns=listed(_images(cursor, source)))
        query = replace(source, columns={"row": hashed}).query(SUM_OF_ROW_HASHES)
        found[source.table] = Fingerprint(*row(cursor, query))
    return found


def _images(cursor: Any, source: Source) -> list[sql.Composed]:
    """Return the images of the columns of ``source``, as the server types their expressions.

    Texts are compared byte by byte, for a collation may hold different ones for equal.
    """
    cursor.execute(source.query(NO_ROW))
    types = [column.type_code for column in cursor.description]
    images = {
        oid: _image(name, kind, builtin=builtin, deterministic=name not in COLLATED)
        for oid, name, kind, builtin in rows(cursor, TYPES, [types])
    }
    return [
        compose(images[oid], expression)
        for oid, expression in zip(types, source.columns.values(), strict=True)
    ]
