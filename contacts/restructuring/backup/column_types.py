"""The types of a table's columns that PostgreSQL does not bring along, and how to make them again.

An ENUM type or a domain can be made from what the catalogue says of it. Other types, a composite
one or an extension's, cannot: a restore needs them to be there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from jmsk.postgres.queries import column, rows

USED = """
    WITH RECURSIVE used (oid) AS (
        SELECT a.atttypid FROM pg_attribute a
         WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
        UNION
        SELECT further.oid FROM used
          JOIN pg_type t ON t.oid = used.oid
         CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype)) AS further (oid)
         WHERE further.oid <> 0)
"""
"""The columns' types, their elements where they are arrays, and what domains are based on."""
ENUMS = f"""
    {USED}
    SELECT n.nspname, t.typname, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
      FROM pg_type t
      JOIN pg_namespace n ON n.oid = t.typnamespace
      JOIN pg_enum e ON e.enumtypid = t.oid
     WHERE t.oid IN (SELECT oid FROM used)
     GROUP BY n.nspname, t.typname
     ORDER BY n.nspname, t.typname
"""
ENUM_LABELS = """
    SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
      FROM pg_enum e WHERE e.enumtypid = to_regtype(%s)
"""
"""The labels of a type, NULL if there is none of that name."""
EXTENSION = """
    (SELECT x.extname FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
      WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
        AND d.refclassid = 'pg_extension'::regclass)
"""
USED_DOMAINS = f"""
    {USED}
    SELECT t.oid::bigint FROM pg_type t
     WHERE t.oid IN (SELECT oid FROM used) AND t.typtype = 'd' AND {EXTENSION} IS NULL
"""
DOMAINS = """
    SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),
           (SELECT quote_ident(s.nspname) || '.' || quote_ident(c.collname)
              FROM pg_collation c JOIN pg_namespace s ON s.oid = c.collnamespace
             WHERE c.oid = t.typcollation AND t.typcollation <> b.typcollation),
           pg_get_expr(t.typdefaultbin, 0), t.typnotnull,
           ARRAY(SELECT ARRAY[c.conname::text, pg_get_constraintdef(c.oid)] FROM pg_constraint c
                  WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname)
      FROM pg_type t
      JOIN pg_type b ON b.oid = t.typbasetype
      JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE t.oid = ANY(%s::oid[])
     ORDER BY n.nspname, t.typname
"""
OTHERS = f"""
    {USED}
    SELECT n.nspname, t.typname, t.typtype::text, coalesce({EXTENSION}, '')
      FROM pg_type t
      JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE t.oid IN (SELECT oid FROM used) AND n.nspname <> 'pg_catalog'
       AND (t.typtype IN ('c', 'r', 'm') OR t.typtype = 'b' AND t.typcategory <> 'A'
            OR t.typtype = 'd' AND {EXTENSION} IS NOT NULL)
     ORDER BY n.nspname, t.typname
"""
KINDS = {"c": "composite type", "r": "range type", "m": "multirange type"}


@dataclass(frozen=True)
class EnumType:
    """An ENUM type and its labels in order."""

    schema: str
    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """A domain over the type ``base``; ``constraints`` are names and definitions of its checks.

    ``collation`` is quoted, and None where it is that of the base.
    """

    schema: str
    name: str
    base: str
    collation: str | None
    default: str | None
    not_null: bool
    constraints: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OtherType:
    """A type that a restore cannot make. ``kind`` is pg_type's; ``extension`` is '' if of none."""

    schema: str
    name: str
    kind: str
    extension: str

    def __str__(self) -> str:
        if self.extension:
            return f"the extension {self.extension} with its type {self.name}"
        return f"the {KINDS.get(self.kind, 'type')} {self.schema}.{self.name}"


def read_enums(cursor: Any, tables: list[int]) -> tuple[EnumType, ...]:
    """Return the ENUM types on which the columns of the tables with these oids are based."""
    found = rows(cursor, ENUMS, [tables])
    return tuple(EnumType(schema, name, tuple(labels)) for schema, name, labels in found)


def read_domains(cursor: Any, tables: list[int]) -> tuple[Domain, ...]:
    """Return the domains on which the tables' columns are based, but those of extensions."""
    return describe_domains(cursor, column(cursor, USED_DOMAINS, [tables]))


def describe_domains(cursor: Any, oids: list[int]) -> tuple[Domain, ...]:
    """Return the domains with these ``oids``."""
    found = rows(cursor, DOMAINS, [oids])
    return tuple(Domain(*[*values, tuple(map(tuple, checks))]) for *values, checks in found)


def read_others(cursor: Any, tables: list[int]) -> tuple[OtherType, ...]:
    """Return the types on which the tables' columns are based and which cannot be made again."""
    return tuple(OtherType(*row) for row in rows(cursor, OTHERS, [tables]))


def without_labels(enum: EnumType, labels: Collection[str]) -> str:
    """Name the labels of ``enum`` that are not among ``labels``; '' if all are."""
    return ", ".join(label for label in enum.labels if label not in labels)
