"""The tables: found by what they are, described as the catalogue has them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from psycopg2 import sql

from jmsk.postgres.queries import rows

NAMES = ("tenants", "companies", "customers", "contacts", "orders", "addresses")
VIEWS = ("v", "m")
OTHER_NAME = {"customers": "contacts", "contacts": "customers"}
RELATIONS = """
    SELECT n.nspname, c.relname, c.oid::bigint, c.relkind::text, pg_get_userbyid(c.relowner)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = ANY(%(names)s) AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND (NOT %(visible)s OR n.nspname = ANY(current_schemas(false)))
"""
COLUMNS = """
    SELECT a.attrelid::bigint, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text
      FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum
"""


@dataclass(frozen=True)
class Column:
    """A column as the catalogue describes it. ``generated`` and ``identity`` are '' where not."""

    name: str
    type: str
    not_null: bool
    default: str | None
    generated: str
    identity: str


@dataclass(frozen=True)
class Table:
    """One of the tables. ``kind`` is the catalogue's relkind: 'r' for an ordinary table."""

    schema: str
    name: str
    oid: int
    kind: str
    owner: str
    columns: tuple[Column, ...] = ()

    @property
    def identifier(self) -> sql.Identifier:
        """Its name with its schema, quoted."""
        return sql.Identifier(self.schema, self.name)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns, in their order."""
        return {column.name: column for column in self.columns}

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self.by_name)

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that hold a value of their own: all but the generated ones."""
        return tuple(column for column in self.columns if not column.generated)


def find_relations(cursor: Any) -> list[Table]:
    """Return the relations that bear our names, in the search path or else anywhere.

    Their columns are left out. No lock of others keeps it waiting.
    """
    for visible in (True, False):
        found = rows(cursor, RELATIONS, {"names": list(NAMES), "visible": visible})
        if found:
            break
    return [Table(*row) for row in found]


def without_stand_ins(relations: list[Table]) -> list[Table]:
    """Leave out a view that bears the name, or the other name, of a table that is there.

    Somebody keeps old programs going with it, the bridge for example, to which the role's search
    path may lead. That a name is taken, a check says.
    """
    tables = {table.name for table in relations if table.kind not in VIEWS}
    return [
        relation
        for relation in relations
        if relation.kind not in VIEWS or not {relation.name, OTHER_NAME.get(relation.name)} & tables
    ]


def with_columns(cursor: Any, relations: list[Table]) -> list[Table]:
    """Return ``relations`` with their columns."""
    columns: dict[int, list[Column]] = {table.oid: [] for table in relations}
    for oid, *column in rows(cursor, COLUMNS, [list(columns)]):
        columns[oid].append(Column(*column))
    return [replace(table, columns=tuple(columns[table.oid])) for table in relations]
