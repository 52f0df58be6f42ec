"""Make the tables equal to a backup, set by set, in the transaction that is open."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from psycopg2 import sql

from contacts.restructuring.backup.manifest import Backup, Progress, TableBackup, unheard
from contacts.restructuring.backup.sequences import read_sequences
from contacts.restructuring.database.layout import Layout, Stage
from contacts.restructuring.database.settings import temporarily
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import ROLLED_BACK, UNCHANGED, Failure
from contacts.restructuring.restore.compatibility import require_fit
from contacts.restructuring.restore.create_tables import build_tables, finish_tables
from contacts.restructuring.restore.equality import require_equal
from contacts.restructuring.restore.references import references_in_the_way, refuse_references
from contacts.restructuring.restore.staging import WITHOUT_NESTED_LOOPS, load_rows, restored
from jmsk.postgres.catalogue import TableObject, Type, read_objects
from jmsk.postgres.queries import Part, compose, execute, listed, spelled, value
from jmsk.postgres.reconcile import reconcile
from jmsk.postgres.server_errors import server_words
from jmsk.postgres.user_triggers import without_user_triggers

DELETE = """
    DELETE FROM {table} AS present
     WHERE NOT EXISTS (SELECT 1 FROM {restored} AS past WHERE past.{key} = present.{key})
"""
# *<> compares the stored bytes, which is quick; the text, as fingerprints see it, decides.
UPDATE = """
    UPDATE {table} AS present SET ({columns}) = ROW({past})
      FROM {restored} AS past
     WHERE past.{key} = present.{key}
       AND ROW({present})::record *<> ROW({past})::record
       AND ROW({present})::text <> ROW({past})::text
"""
INSERT = """
    INSERT INTO {table} ({all_columns}) OVERRIDING SYSTEM VALUE
    SELECT {all_past} FROM {restored} AS past
     WHERE NOT EXISTS (SELECT 1 FROM {table} AS present WHERE present.{key} = past.{key})
"""
AMBIGUOUS = """
    SELECT EXISTS (SELECT 1 FROM {table} GROUP BY {key} HAVING count(*) > 1 OR {key} IS NULL)
        OR EXISTS (SELECT 1 FROM {restored} GROUP BY {key} HAVING count(*) > 1 OR {key} IS NULL)
"""


@dataclass(frozen=True)
class Restored:
    """What a restore did to a table: rows deleted, changed and added."""

    table: str
    deleted: int
    changed: int
    added: int


def restore_rows(
    cursor: Any, layout: Layout, backup: Backup, progress: Progress = unheard
) -> tuple[Restored, ...]:
    """Make the tables, rows and sequences equal to ``backup`` and prove it.

    Parameters: ``layout``, of a database of the backup's own stage, or an empty one, where the
    tables are built first. The caller has the transaction open and the tables locked. Other tables
    are not touched, and triggers do not fire. ``progress`` hears how many rows are loaded.

    Raises Failure if the backup does not fit, if another table refers to a row that would go,
    or if the rows are not equal in the end. The caller must then roll back.
    """
    require_fit(layout, backup)
    if layout.stage == Stage.EMPTY:
        build_tables(cursor, backup, layout.schema)
    elif layout.stage != backup.manifest.stage:
        raise Failure(
            "MC701",
            f"The database is {layout.stage}, and the backup is of a {backup.manifest.stage} one. "
            f"{UNCHANGED} Bring the tables back first.",
        )
    load_rows(cursor, backup, progress)
    refuse_references(references_in_the_way(cursor, layout, backup), ROLLED_BACK)
    with _readable_conflicts(), temporarily(cursor, WITHOUT_NESTED_LOOPS):
        done = _replace_rows(cursor, layout, backup)
    _restore_sequences(cursor, layout, backup)
    tables = [_now(cursor, layout, table) for table in backup.manifest.tables]
    require_equal(cursor, tables, backup)
    return done


def _replace_rows(cursor: Any, layout: Layout, backup: Backup) -> tuple[Restored, ...]:
    tables = backup.manifest.tables
    if layout.stage == Stage.EMPTY:
        added = {table.table: _insert(cursor, layout, table) for table in tables}
        finish_tables(cursor, backup)
        return tuple(Restored(table, 0, 0, number) for table, number in added.items())
    names = [table.table for table in tables]
    with without_user_triggers(cursor, *names), _without_foreign_keys(cursor, names):
        done = tuple(Restored(table.table, *_replace(cursor, layout, table)) for table in tables)
        # ALTER TABLE comes next, which pending deferred checks would not let it.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return done


def _replace(cursor: Any, layout: Layout, table: TableBackup) -> tuple[int, int, int]:
    """Delete, update and insert; return how many of each."""
    statements = _statements(layout, table)
    if value(cursor, statements["ambiguous"]):
        # Without a key that tells the rows apart there is nothing to compare.
        execute(cursor, "DELETE FROM {}", (layout.schema, table.table))
        deleted, changed = cursor.rowcount, 0
    else:
        cursor.execute(statements["delete"])
        deleted = cursor.rowcount
        with _settable_identities(cursor, layout, table):
            changed = _update(cursor, table.table, statements["update"])
    return deleted, changed, _insert(cursor, layout, table)


def _insert(cursor: Any, layout: Layout, table: TableBackup) -> int:
    """Insert the rows that are not there; return how many."""
    cursor.execute(_statements(layout, table)["insert"])
    return int(cursor.rowcount)


def _statements(layout: Layout, table: TableBackup) -> dict[str, sql.Composed]:
    others = [name for name in table.stored_names if name != table.key]
    parts: dict[str, Part] = {
        "table": (layout.schema, table.table),
        "restored": restored(table.table),
        "key": table.key,
        "columns": listed(others),
        "past": _of("past", others),
        "present": _of("present", others),
        "all_columns": listed(table.stored_names),
        "all_past": _of("past", table.stored_names),
    }
    templates = {"delete": DELETE, "update": UPDATE, "insert": INSERT, "ambiguous": AMBIGUOUS}
    return {name: compose(text, **parts) for name, text in templates.items()}


def _of(alias: str, names: Iterable[str]) -> sql.Composed:
    return listed((alias, name) for name in names)


def _update(cursor: Any, table: str, statement: sql.Composed) -> int:
    """Update; where rows have swapped a unique value, without the uniqueness in between."""
    try:
        with transaction.atomic(using=cursor.db.alias):
            cursor.execute(statement)
            return int(cursor.rowcount)
    except IntegrityError:
        with _without(cursor, table, lambda item: item.type in (Type.UNIQUE, Type.EXCLUDE)):
            cursor.execute(statement)
            return int(cursor.rowcount)


@contextmanager
def _settable_identities(cursor: Any, layout: Layout, table: TableBackup) -> Iterator[None]:
    """Let an UPDATE set columns that are GENERATED ALWAYS AS IDENTITY, besides the key."""
    columns = [
        column.name
        for column in _now(cursor, layout, table).columns
        if column.identity == "a" and column.name != table.key
    ]
    name, alter = (layout.schema, table.table), "ALTER TABLE {} ALTER COLUMN {} SET GENERATED "
    for column in columns:
        execute(cursor, alter + "BY DEFAULT", name, column)
    yield
    for column in columns:
        execute(cursor, alter + "ALWAYS", name, column)


@contextmanager
def _without(cursor: Any, table: str, unwanted: Callable[[TableObject], bool]) -> Iterator[None]:
    """Drop indexes and constraints of ``table`` and make them again, as they were, afterwards."""
    before = read_objects(cursor, table)
    reconcile(cursor, table, [], unwanted)
    yield
    reconcile(cursor, table, before, lambda item: False)


@contextmanager
def _without_foreign_keys(cursor: Any, tables: Collection[str]) -> Iterator[None]:
    """Lift the foreign keys between ``tables``, so that rows may come in any order.

    Made again, they are checked once. Keys to other tables stay.
    """
    with ExitStack() as stack:
        for table in tables:
            stack.enter_context(_without(cursor, table, lambda item: item.target in tables))
        yield


@contextmanager
def _readable_conflicts() -> Iterator[None]:
    """Turn a violated constraint into a Failure."""
    try:
        yield
    except IntegrityError as error:
        raise Failure(
            "MC704",
            f"A constraint refuses the rows of the backup ({server_words(error)}). {ROLLED_BACK} "
            "The constraint may be newer than the backup: remove it, or name another backup, then "
            "run again.",
        ) from error


def _restore_sequences(cursor: Any, layout: Layout, backup: Backup) -> None:
    """Set the sequences to where they stood. RESTART makes a setval after it transactional."""
    for table in backup.manifest.tables:
        now = read_sequences(cursor, _now(cursor, layout, table))
        # A column may own one sequence and take its values from another.
        by_name = {(item.column, item.name): item for item in now}
        by_column = {item.column: item for item in now}
        for then in table.sequences:
            present = by_name.get((then.column, then.name)) or by_column.get(then.column)
            if present is None:
                raise Failure(
                    "MC705",
                    f"{table.table}.{then.column} has no sequence any more; in the backup it had "
                    f"{then.name}. {ROLLED_BACK} Give the column its sequence, then run again.",
                )
            if (present.last_value, present.is_called) == (then.last_value, then.is_called):
                continue
            execute(cursor, "ALTER SEQUENCE {} RESTART", present.identifier)
            state = [spelled(cursor, present.identifier), then.last_value, then.is_called]
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", state)


def _now(cursor: Any, layout: Layout, table: TableBackup) -> Table:
    """Return the table as it is now, with its columns in the backup's order."""
    name = spelled(cursor, (layout.schema, table.table))
    return table.as_table(layout.schema, value(cursor, "SELECT %s::regclass::oid::bigint", [name]))
