"""Indexes and constraints of a table, as PostgreSQL's catalogue holds them, and how to change them.

A production database drifts: an index is missing, a constraint bears another name. So objects are
compared by their definition, never by their name alone, and every lookup goes by the table's oid.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from psycopg2 import sql

from jmsk.postgres.constraints import ForeignKeyConstraint, UniqueIndex

CONSTRAINTS = """
    SELECT 'constraint', c.conname, pg_get_constraintdef(c.oid),
           coalesce(obj_description(c.oid, 'pg_constraint'), ''),
           coalesce(i.indisclustered, false), coalesce(i.indisreplident, false),
           coalesce(obj_description(i.indexrelid, 'pg_class'), ''),
           coalesce(array_to_string(b.reloptions, ', '), '')
      FROM pg_constraint c
      LEFT JOIN pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
      LEFT JOIN pg_class b ON b.oid = i.indexrelid
     WHERE c.conrelid = %(table)s::regclass AND c.contype IN ('p', 'u', 'f', 'c', 'x', 'n')
     ORDER BY c.conname
"""
INDEXES = """
    SELECT 'index', c.relname,
           CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
               || substring(pg_get_indexdef(c.oid) FROM 'USING .*$'),
           coalesce(obj_description(c.oid, 'pg_class'), ''), i.indisclustered, i.indisreplident
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %(table)s::regclass AND i.indisvalid
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY c.relname
"""
INVALID_INDEXES = """
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %s::regclass AND NOT i.indisvalid AND c.relname = ANY(%s)
"""
"""What CREATE INDEX CONCURRENTLY leaves when it dies: a name, and no use."""
SEQUENCES = """
    SELECT 'sequence', c.relname, a.attname::text, '', false, false
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = pg_get_serial_sequence(%(table)s, a.attname)::regclass
     WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class TableObject:
    """An index, a constraint, or the sequence behind a column.

    ``definition`` is what ``pg_get_constraintdef`` prints; for an index its ``USING`` clause, after
    ``UNIQUE`` where it is unique; for a sequence its column. ``index_comment`` and
    ``index_options`` (storage parameters) are those of the index behind a constraint.
    """

    kind: str
    name: str
    definition: str
    comment: str = ""
    clustered: bool = False
    replica_identity: bool = False
    index_comment: str = ""
    index_options: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the object as plain values, for JSON."""
        return asdict(self)

    def twin_of(self, other: "TableObject") -> bool:
        """Return whether both say the same, whatever their names and storage parameters."""
        return (self.kind, self.essence) == (other.kind, other.essence)

    @property
    def essence(self) -> str:
        """The definition without storage parameters such as ``fillfactor``."""
        return re.sub(r" WITH \(.*?\)", "", settled(self.definition))

    @property
    def rule(self) -> str:
        """``UNIQUE (columns)`` for whatever holds just that, in any form; else the essence."""
        match = re.fullmatch(
            r"UNIQUE (?:NULLS NOT DISTINCT |USING btree )?(\([^)]*\))(?: INCLUDE \([^)]*\))?"
            r"(?: NULLS NOT DISTINCT)?(?: DEFERRABLE.*)?",
            self.essence,
        )
        return f"UNIQUE {match[1]}" if match else self.essence

    @property
    def foreign_key_columns(self) -> str | None:
        """``FOREIGN KEY (columns)``, or None if this is none."""
        match = re.match(r"FOREIGN KEY \([^)]*\)", self.definition)
        return match and match.group()


CHOICE = r"'(?:[^']|'')*'::character varying"
CHOICES = re.compile(rf"\(ARRAY\[({CHOICE}(?:, {CHOICE})*)\]\)::text\[\]")


def settled(definition: str) -> str:
    """Return a definition as it is printed once it has been made again of what was printed.

    ``IN`` over varchar reads otherwise afterwards: in a dump that was restored, for example.
    """
    return CHOICES.sub(
        lambda found: f"ARRAY[{re.sub(CHOICE, lambda one: f'({one[0]})::text', found[1])}]",
        definition,
    )


def read_objects(cursor: Any, table: str) -> list[TableObject]:
    """Return the constraints and the other valid indexes of ``table``, by name.

    Raises ProgrammingError if there is no such table in the search path.
    """
    found = []
    for query in (CONSTRAINTS, INDEXES, SEQUENCES):
        cursor.execute(query, {"table": table})
        found += [TableObject(*row) for row in cursor.fetchall()]
    return found


def model_objects(model: type[models.Model]) -> list[TableObject]:
    """Return what ``model`` declares: primary key, plain indexes, unique constraints, foreign keys.

    Checks and partial indexes are left out: the legacy schema has none, so none has a twin.
    """
    meta = model._meta
    key = str(meta.pk.column)
    wanted = [
        TableObject("constraint", f"{meta.db_table}_pkey", f"PRIMARY KEY ({key})"),
        TableObject("sequence", f"{meta.db_table}_{key}_seq", key),
    ]
    for index in meta.indexes:
        columns = _columns(model, index.fields)
        wanted.append(TableObject("index", index.name, f"USING btree ({columns})"))
    for constraint in meta.constraints:
        wanted.extend(_constraint_objects(model, constraint))
    return wanted


def _constraint_objects(model: type[models.Model], constraint: Any) -> Iterable[TableObject]:
    if isinstance(constraint, ForeignKeyConstraint):
        field: Any = model._meta.get_field(constraint.field)
        target = field.target_field
        rule = "" if constraint.on_delete == "NO ACTION" else f" ON DELETE {constraint.on_delete}"
        definition = (
            f"FOREIGN KEY ({field.column}) "
            f"REFERENCES {target.model._meta.db_table}({target.column}){rule}"
        )
        yield TableObject("constraint", constraint.name, definition)
    elif isinstance(constraint, UniqueIndex):
        columns = _columns(model, constraint.fields)
        yield TableObject("index", constraint.name, f"UNIQUE USING btree ({columns})")
    elif isinstance(constraint, models.UniqueConstraint) and not constraint.condition:
        columns = _columns(model, constraint.fields)
        yield TableObject("constraint", constraint.name, f"UNIQUE ({columns})")


def _columns(model: type[models.Model], fields: Sequence[str]) -> str:
    concrete: list[Any] = [model._meta.get_field(name) for name in fields]
    return ", ".join(field.column for field in concrete)


def reconcile(
    cursor: Any,
    table: str,
    wanted: Sequence[TableObject],
    unwanted: Callable[[TableObject], bool],
) -> None:
    """Give ``table`` the objects ``wanted``, under their names, and drop the ``unwanted`` ones.

    An object that says the same under another name is renamed, which costs nothing; the rest is
    made. What bears a wanted name but says something else is replaced. Objects that nobody
    mentions stay as they are.
    """
    spare = read_objects(cursor, table)
    named = {item.name: item for item in spare}
    missing = [want for want in wanted if not _is(want, named.get(want.name))]
    spare = [item for item in spare if not any(_is(want, item) for want in wanted)]
    renames: dict[TableObject, TableObject] = {}
    for want in missing:
        twin = next((item for item in spare if item.twin_of(want)), None)
        if twin is not None:
            spare.remove(twin)
            renames[want] = twin
    taken = {want.name for want in missing}
    for item in spare:
        if item.name in taken or unwanted(item):
            drop(cursor, table, item)
    # By way of a name that nothing has, so that two objects can swap theirs.
    for number, (want, twin) in enumerate(renames.items()):
        _rename(cursor, table, want.kind, twin.name, f"jmsk_{table}_{number}")
    for number, want in enumerate(renames):
        _rename(cursor, table, want.kind, f"jmsk_{table}_{number}", want.name)
    made = [want for want in missing if want not in renames]
    _drop_invalid(cursor, table, [want.name for want in made])
    for want in made:
        create(cursor, table, want)
    for want in wanted:
        _give_attributes(cursor, table, want)


ATTRIBUTES = {
    "clustered": "ALTER TABLE {table} CLUSTER ON {name}",
    "replica_identity": "ALTER TABLE {table} REPLICA IDENTITY USING INDEX {name}",
}
COMMENT = {
    "constraint": "COMMENT ON CONSTRAINT {name} ON {table} IS {comment}",
    "index": "COMMENT ON INDEX {name} IS {comment}",
}
OPTIONS = "ALTER INDEX {name} SET ({options})"


def _give_attributes(cursor: Any, table: str, want: TableObject) -> None:
    """Give what was made anew the comment and the marks of what it stands for."""
    for attribute, template in ATTRIBUTES.items():
        if getattr(want, attribute):
            execute(cursor, template, table=table, name=want.name)
    for kind, comment in ((want.kind, want.comment), ("index", want.index_comment)):
        if comment:
            statement = sql.SQL(COMMENT[kind]).format(
                name=sql.Identifier(want.name),
                table=sql.Identifier(table),
                comment=sql.Literal(comment),
            )
            cursor.execute(statement)
    if want.index_options:
        statement = sql.SQL(OPTIONS).format(
            name=sql.Identifier(want.name), options=sql.SQL(want.index_options)
        )
        cursor.execute(statement)


def _drop_invalid(cursor: Any, table: str, names: list[str]) -> None:
    """Drop the indexes of ``table`` that bear ``names`` and that were never finished."""
    cursor.execute(INVALID_INDEXES, [table, names])
    for (name,) in cursor.fetchall():
        execute(cursor, DROP["index"], name=name)


def _is(want: TableObject, item: TableObject | None) -> bool:
    return item is not None and item.name == want.name and item.twin_of(want)


def create(cursor: Any, table: str, item: TableObject) -> None:
    """Make ``item`` on ``table``. A sequence is not made: a column without one stays so."""
    if item.kind == "sequence":
        return
    if item.kind == "constraint":
        template = sql.SQL("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    elif item.definition.startswith("UNIQUE "):
        template = sql.SQL("CREATE UNIQUE INDEX {name} ON {table} {definition}")
    else:
        template = sql.SQL("CREATE INDEX {name} ON {table} {definition}")
    definition = item.definition
    if item.kind == "index":
        definition = definition.removeprefix("UNIQUE ")
    cursor.execute(
        template.format(
            table=sql.Identifier(table),
            name=sql.Identifier(item.name),
            definition=sql.SQL(definition),
        )
    )


RENAME = {
    "constraint": "ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}",
    "index": "ALTER INDEX {old} RENAME TO {new}",
    "sequence": "ALTER SEQUENCE {old} RENAME TO {new}",
}
DROP = {
    "constraint": "ALTER TABLE {table} DROP CONSTRAINT {name}",
    "index": "DROP INDEX {name}",
}


def execute(cursor: Any, template: str, **names: str) -> None:
    """Run the statement ``template`` with ``names``, quoted, in the places that bear theirs."""
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    cursor.execute(sql.SQL(template).format(**identifiers))


def _rename(cursor: Any, table: str, kind: str, old: str, new: str) -> None:
    execute(cursor, RENAME[kind], table=table, old=old, new=new)


def drop(cursor: Any, table: str, item: TableObject) -> None:
    """Drop ``item``, an index or a constraint, of ``table``."""
    execute(cursor, DROP[item.kind], table=table, name=item.name)
