"""A hash of a row that sees every bit of it, depends on no setting, and is quick.

The server's own hash of a record costs a fifth of md5 over the row's text. It is the same for as
long as a server runs on its files, which is what a comparison within one run, or between a
preparation and its switch, needs. What must be comparable years later, on another server, is md5.

Types whose hash sees less than their value go through an image of their bytes: minus zero equals
zero for a float, 1.0 equals 1.00 for a numeric, and a month equals thirty days for an interval.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

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
        ("bool", "int2", "int4", "int8", "oid", "uuid", "bytea", "text", "varchar"), AS_IT_IS
    ),
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz"), AS_IT_IS),
    "float4": "pg_catalog.float4send({})",
    "float8": "pg_catalog.float8send({})",
    "interval": "pg_catalog.interval_send({})",
    **dict.fromkeys(("numeric", "bpchar", "json", "jsonb", "xml"), TEXT),
}
"""For each built-in type, what of a value is hashed."""
ROW_HASH = "pg_catalog.hash_record_extended(ROW({columns}), 0)"


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
        images = [
            sql.SQL(self.templates[name]).format(expression) for name, expression in columns.items()
        ]
        return sql.SQL(ROW_HASH).format(columns=sql.SQL(", ").join(images))


def read_images(cursor: Any, oids: Iterable[int]) -> dict[int, Images]:
    """Return how the columns of the tables ``oids`` are hashed, by the table's oid."""
    wanted = list(oids)
    cursor.execute(COLUMN_TYPES, [wanted])
    found: dict[int, dict[str, str]] = {oid: {} for oid in wanted}
    unknown = set()
    for oid, column, name, kind, builtin, deterministic in cursor.fetchall():
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
