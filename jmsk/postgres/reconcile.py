"""Giving a table the indexes and constraints that it is to have, whatever it has."""

from collections.abc import Callable, Sequence
from typing import Any

from psycopg2 import sql

from jmsk.postgres.catalogue import TableObject, Type, read_objects
from jmsk.postgres.queries import column, execute, value

INVALID_INDEXES = """
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %s::regclass AND NOT i.indisvalid AND c.relname = ANY(%s)
"""
"""What CREATE INDEX CONCURRENTLY leaves when it dies: a name, and no use."""


def reconcile(
    cursor: Any,
    table: str,
    wanted: Sequence[TableObject],
    unwanted: Callable[[TableObject], bool],
    *,
    validate: bool = True,
) -> None:
    """Give ``table`` the objects ``wanted``, under their names, and drop the ``unwanted`` ones.

    An object that says the same under another name is renamed, which costs nothing; the rest is
    made. What bears a wanted name but says something else is replaced. Objects that nobody
    mentions stay as they are. Without ``validate`` foreign keys are made NOT VALID: they hold for
    what is written from now on, and no row is read.
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
    for want in [want for want in missing if want not in renames]:
        index = next((item for item in spare if _made_for(want, item)), None)
        if index is not None:
            spare.remove(index)
            missing.remove(want)
            execute(cursor, USE_INDEX, table=table, name=want.name)
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
        create(cursor, table, want, validate=validate)
        _move(cursor, want)
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
            text = sql.Literal(comment)
            execute(cursor, COMMENT[kind], table=table, name=want.name, comment=text)
    if want.index_options:
        execute(cursor, OPTIONS, name=want.name, options=sql.SQL(want.index_options))


MAY_USE = """
    SELECT EXISTS (SELECT 1 FROM pg_tablespace
                    WHERE spcname = %s AND has_tablespace_privilege(oid, 'CREATE'))
"""
TABLESPACE = "ALTER INDEX {name} SET TABLESPACE {tablespace}"


def _move(cursor: Any, made: TableObject) -> None:
    """Move an index to the tablespace that it was in, if there is one and the role may use it.

    Where not, as on another server, it stays in the database's own, which holds it as well.
    """
    if value(cursor, MAY_USE, [made.tablespace]):
        execute(cursor, TABLESPACE, name=made.name, tablespace=made.tablespace)


def _drop_invalid(cursor: Any, table: str, names: list[str]) -> None:
    """Drop the indexes of ``table`` that bear ``names`` and that were never finished."""
    for name in column(cursor, INVALID_INDEXES, [table, names]):
        execute(cursor, DROP["index"], name=name)


def _is(want: TableObject, item: TableObject | None) -> bool:
    return item is not None and item.name == want.name and item.twin_of(want)


def _made_for(want: TableObject, item: TableObject) -> bool:
    """Return whether ``item`` is the index that was made ahead for the constraint ``want``."""
    return (
        (want.kind, want.type) == ("constraint", Type.UNIQUE)
        and (item.kind, item.name) == ("index", want.name)
        and item.definition == want.definition.replace("UNIQUE ", "UNIQUE USING btree ", 1)
    )


USE_INDEX = "ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
CREATE = {
    "constraint": "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}",
    "index": "CREATE {unique} INDEX {name} ON {table} {definition}",
}
RENAME = {
    "constraint": "ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}",
    "index": "ALTER INDEX {old} RENAME TO {new}",
    "sequence": "ALTER SEQUENCE {old} RENAME TO {new}",
}
DROP = {
    "constraint": "ALTER TABLE {table} DROP CONSTRAINT {name}",
    "index": "DROP INDEX {name}",
}


def create(cursor: Any, table: str, item: TableObject, *, validate: bool = True) -> None:
    """Make ``item`` on ``table``. A sequence is not made: a column without one stays so.

    Without ``validate`` a foreign key is made NOT VALID.
    """
    if item.kind == "sequence":
        return
    unique, definition = "", item.definition
    if item.kind == "index" and item.type is Type.UNIQUE:
        unique, definition = "UNIQUE", definition.removeprefix("UNIQUE ")
    if item.type is Type.FOREIGN_KEY and item.validated and not validate:
        definition = f"{definition} NOT VALID"
    parts = {"unique": sql.SQL(unique), "definition": sql.SQL(definition)}
    execute(cursor, CREATE[item.kind], table=table, name=item.name, **parts)


def drop(cursor: Any, table: str, item: TableObject) -> None:
    """Drop ``item``, an index or a constraint, of ``table``."""
    execute(cursor, DROP[item.kind], table=table, name=item.name)


def _rename(cursor: Any, table: str, kind: str, old: str, new: str) -> None:
    execute(cursor, RENAME[kind], table=table, old=old, new=new)
