"""Indexes and constraints of a table, as PostgreSQL's catalogue holds them, or a model names them.

A production database drifts: an index is missing, a constraint bears another name. So objects are
compared by what they say, never by their name alone, and every lookup goes by the table's oid.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db import models

from jmsk.postgres.constraints import ForeignKeyConstraint, UniqueIndex
from jmsk.postgres.definitions import parse_definition, settled
from jmsk.postgres.queries import row


def column_names(numbers: str, table: str) -> str:
    """Return the SQL of the names of columns; parameters: SQL of their numbers and their table."""
    return (
        f"ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY AS k (number, place) "
        f"JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number ORDER BY k.place)"
    )


CONSTRAINTS = f"""
    SELECT 'constraint' AS kind, c.conname AS name, pg_get_constraintdef(c.oid) AS definition,
           coalesce(obj_description(c.oid, 'pg_constraint'), '') AS comment,
           coalesce(i.indisclustered, false) AS clustered,
           coalesce(i.indisreplident, false) AS replica_identity,
           coalesce(obj_description(i.indexrelid, 'pg_class'), '') AS index_comment,
           coalesce(array_to_string(b.reloptions, ', '), '') AS index_options,
           coalesce((SELECT spcname FROM pg_tablespace s WHERE s.oid = b.reltablespace), '')
               AS tablespace,
           CASE c.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK'
                          WHEN 'f' THEN 'FOREIGN KEY' WHEN 'x' THEN 'EXCLUDE' ELSE 'NOT NULL' END
               AS type,
           CASE WHEN c.contype NOT IN ('c', 'x') THEN {column_names("c.conkey", "c.conrelid")}
                ELSE '{{}}' END AS columns,
           CASE WHEN c.contype = 'f' THEN c.confrelid::regclass::text ELSE '' END AS target,
           {column_names("c.confkey", "c.confrelid")} AS target_columns,
           c.convalidated AS validated
      FROM pg_constraint c
      LEFT JOIN pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
      LEFT JOIN pg_class b ON b.oid = i.indexrelid
     WHERE c.conrelid = %(table)s::regclass AND c.contype IN ('p', 'u', 'f', 'c', 'x', 'n')
     ORDER BY c.conname
"""
PLAIN_COLUMNS = """
    (SELECT array_agg(a.attname::text ORDER BY place)
       FROM generate_series(0, i.indnkeyatts - 1) AS place
       JOIN pg_opclass o ON o.oid = i.indclass[place]
       LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
                               AND a.attcollation = i.indcollation[place]
     HAVING bool_and(o.opcdefault AND a.attnum IS NOT NULL))
"""
"""NULL where a key is no column, or is not compared as its column is."""
INDEXES = f"""
    SELECT 'index' AS kind, c.relname AS name,
           CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
               || substring(pg_get_indexdef(c.oid) FROM 'USING .*$') AS definition,
           coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
           i.indisclustered AS clustered, i.indisreplident AS replica_identity,
           coalesce((SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), '')
               AS tablespace,
           CASE WHEN i.indisunique THEN 'UNIQUE' ELSE '' END AS type,
           CASE WHEN i.indisunique THEN {PLAIN_COLUMNS} END AS columns,
           coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %(table)s::regclass AND i.indisvalid
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY c.relname
"""
SEQUENCES = """
    SELECT 'sequence' AS kind, c.relname AS name, a.attname::text AS definition, '' AS type
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = pg_get_serial_sequence(%(table)s, a.attname)::regclass
     WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
OBJECTS = "SELECT " + ", ".join(
    f"(SELECT coalesce(json_agg(found), '[]')::text FROM ({query}) AS found)"
    for query in (CONSTRAINTS, INDEXES, SEQUENCES)
)
"""All of them in one round trip."""


class Type(StrEnum):
    """What a constraint or an index holds the rows to, in SQL's words."""

    NOTHING = ""
    PRIMARY_KEY = "PRIMARY KEY"
    UNIQUE = "UNIQUE"
    FOREIGN_KEY = "FOREIGN KEY"
    CHECK = "CHECK"
    EXCLUDE = "EXCLUDE"
    NOT_NULL = "NOT NULL"


MARKS = ("comment", "clustered", "replica_identity", "index_comment", "index_options")


@dataclass(frozen=True)
class TableObject:
    """An index, a constraint, or the sequence behind a column.

    ``definition`` is what ``pg_get_constraintdef`` prints; for an index its ``USING`` clause, after
    ``UNIQUE`` where it is unique; for a sequence its column. ``index_comment`` and
    ``index_options`` (storage parameters) are those of the index behind a constraint.
    ``tablespace`` is that of an index, or of the one behind a constraint; '' for the database's.

    ``columns`` are those that a key or NOT NULL is about, none where it is one of expressions;
    ``target`` is the table of a foreign key as SQL names it, ``target_columns`` what it refers to
    there. ``validated`` is false where rows may break a constraint; ``predicate`` is the condition
    of a partial index.
    """

    kind: str
    name: str
    definition: str
    comment: str = ""
    clustered: bool = False
    replica_identity: bool = False
    index_comment: str = ""
    index_options: str = ""
    tablespace: str = ""
    type: Type = Type.NOTHING
    columns: tuple[str, ...] = ()
    target: str = ""
    target_columns: tuple[str, ...] = ()
    validated: bool = True
    predicate: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TableObject":
        """Return the object that :meth:`as_dict` gave.

        Where there is a definition only, as earlier versions stored it, what it says is read there.
        """
        if "type" not in values:
            values = {**values, **parse_definition(values["kind"], values["definition"])}
        columns = {key: tuple(values.get(key) or ()) for key in ("columns", "target_columns")}
        return cls(**{**values, **columns, "type": Type(values["type"])})

    def as_dict(self) -> dict[str, Any]:
        """Return the object as plain values, for JSON."""
        return asdict(self)

    @property
    def definition_without_storage(self) -> str:
        """The definition without storage parameters such as ``fillfactor``."""
        return re.sub(r" WITH \(.*?\)", "", settled(self.definition))

    @property
    def unique_columns(self) -> frozenset[str]:
        """The columns that no two rows share, whatever form it stands in; none if not unique."""
        unique = self.type is Type.UNIQUE and not self.predicate
        return frozenset(self.columns) if unique else frozenset()

    @property
    def reference(self) -> tuple[tuple[str, ...], str, tuple[str, ...]] | None:
        """The columns of a foreign key, its target and the columns there, or None if it is none."""
        if self.type is not Type.FOREIGN_KEY:
            return None
        return self.columns, self.target, self.target_columns

    def twin_of(self, other: "TableObject") -> bool:
        """Return whether both say the same, whatever their names and storage parameters."""
        return (self.kind, self.definition_without_storage) == (
            other.kind,
            other.definition_without_storage,
        )

    def is_again(self, was: "TableObject") -> bool:
        """Return whether this says what ``was`` did, and has its comments and marks at least."""
        if settled(self.definition) != settled(was.definition):
            return False
        return all(
            getattr(self, mark) == getattr(was, mark) for mark in MARKS if getattr(was, mark)
        )

    def holds(self, other: "TableObject") -> bool:
        """Return whether rows that keep this one keep ``other``, too.

        A foreign key holds whatever its ON DELETE, unless it is NOT VALID.
        """
        if other.reference:
            return self.validated and self.reference == other.reference
        return self.twin_of(other) or self.unique_columns == other.unique_columns != frozenset()


def read_objects(cursor: Any, table: str) -> list[TableObject]:
    """Return the constraints and the other valid indexes of ``table``, by name.

    Raises ProgrammingError if there is no such table in the search path.
    """
    kinds = row(cursor, OBJECTS, {"table": table})
    return [TableObject.from_dict(item) for kind in kinds for item in json.loads(kind)]


def model_objects(model: type[models.Model]) -> list[TableObject]:
    """Return what ``model`` declares: primary key, plain indexes, unique constraints, foreign keys.

    Checks and partial indexes are left out: the legacy schema has none, so none has a twin.
    """
    meta = model._meta
    key = meta.pk.column
    declared = [
        ("constraint", f"{meta.db_table}_pkey", f"PRIMARY KEY ({key})"),
        ("sequence", f"{meta.db_table}_{key}_seq", key),
        *(("index", i.name, f"USING btree ({_columns(model, i.fields)})") for i in meta.indexes),
        *(item for constraint in meta.constraints for item in _of_constraint(model, constraint)),
    ]
    names = ("kind", "name", "definition")
    return [TableObject.from_dict(dict(zip(names, item, strict=True))) for item in declared]


def _of_constraint(model: type[models.Model], constraint: Any) -> Iterable[tuple[str, str, str]]:
    if isinstance(constraint, ForeignKeyConstraint):
        field: Any = model._meta.get_field(constraint.field)
        target = field.target_field
        rule = "" if constraint.on_delete == "NO ACTION" else f" ON DELETE {constraint.on_delete}"
        refers = f"REFERENCES {target.model._meta.db_table}({target.column}){rule}"
        yield "constraint", constraint.name, f"FOREIGN KEY ({field.column}) {refers}"
    elif isinstance(constraint, UniqueIndex):
        columns = _columns(model, constraint.fields)
        yield "index", constraint.name, f"UNIQUE USING btree ({columns})"
    elif isinstance(constraint, models.UniqueConstraint) and not constraint.condition:
        columns = _columns(model, constraint.fields)
        yield "constraint", constraint.name, f"UNIQUE ({columns})"


def _columns(model: type[models.Model], fields: Sequence[str]) -> str:
    concrete: list[Any] = [model._meta.get_field(name) for name in fields]
    return ", ".join(field.column for field in concrete)
