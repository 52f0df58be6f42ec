"""Migration operations for a database that Django did not make."""

from typing import Any, ClassVar

from django.core.management.base import CommandError
from django.db.migrations.operations import AddConstraint
from django.db.migrations.operations.base import Operation
from django.db.models import CheckConstraint
from psycopg2 import sql

from jmsk.catalogue import drop, model_objects, read_objects, reconcile
from jmsk.remembrance import as_modelled, put_back, put_back_key, remember
from jmsk.rules import rows_breaking

LEGACY_TABLES = ("tenants", "companies", "customers", "contacts", "orders")
"""The tables whose rows Django's own verbs must not touch, under their old and new names."""


def current_run(apps: Any, alias: str) -> Any:
    """Return the run whose transaction this is, or None outside ``migrate_contacts``."""
    runs = apps.get_model("contacts", "RestructuringRun").objects.using(alias)
    return runs.extra(where=["transaction_id = pg_current_xact_id()::text::bigint"]).first()


def latest_migration(apps: Any, alias: str) -> Any:
    """Return the run that made the database what it is, or None if none did.

    None where a later run took its work back, and where Django itself made the tables. Runs are
    told apart by their ids: the clock may have been set back between two.
    """
    # What restored a migrated database left it migrated.
    runs = _ended_runs(apps, alias).exclude(kind="restore", counts__has_key="contacts")
    latest = runs.first()
    return latest if latest is not None and latest.kind == "migration" else None


def created_companies(apps: Any, alias: str) -> list[int]:
    """Return the ids of the default companies in these rows that a migration created.

    The latest run knows them: the migration itself, or the restore of a migrated database, whose
    rows may come of another migration.
    """
    latest = _ended_runs(apps, alias).first()
    return latest.created_companies if latest is not None else []


def _ended_runs(apps: Any, alias: str) -> Any:
    """Return the runs but for the one in progress, the latest first."""
    runs = apps.get_model("contacts", "RestructuringRun").objects.using(alias)
    ended = runs.extra(
        where=["transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint"]
    )
    return ended.order_by("-id")


def tables_with_rows(cursor: Any, tables: tuple[str, ...]) -> list[str]:
    """Return those of ``tables`` that exist in the search path and hold rows."""
    found = []
    for table in tables:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if not cursor.fetchone()[0]:
            continue
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")  # a name of ours
        if cursor.fetchone()[0]:
            found.append(table)
    return found


NULLABLE = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attname = ANY(%s) AND NOT attnotnull AND NOT attisdropped
"""


class DatabaseOperation(Operation):
    """An operation that changes the database, not the models."""

    reversible = True
    reduces_to_sql = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The models stay as they are."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        """Nothing, unless a subclass says otherwise."""

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        """Nothing, unless a subclass says otherwise."""


class RefuseReverseOnRows(DatabaseOperation):
    """Refuse to reverse the migration while one of ``tables`` holds rows.

    Django would DROP ... CASCADE them: production data of another application.
    """

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def deconstruct(self) -> Any:
        return type(self).__name__, list(self.tables), {}

    def describe(self) -> str:
        return f"Refuse to drop {', '.join(self.tables)} while they hold rows"

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        with editor.connection.cursor() as cursor:
            full = tables_with_rows(cursor, self.tables)
        if full:
            raise CommandError(
                f"Reversing {app_label}.0001_legacy would drop {', '.join(full)}, which hold rows "
                "of a production database. Nothing was changed. To undo the restructuring, run "
                "'manage.py migrate_contacts --rollback'; to drop the tables, empty them first."
            )


class RefuseOutsideCommand(DatabaseOperation):
    """Refuse to restructure tables that hold rows, except inside ``migrate_contacts``.

    A plain ``migrate`` in a deploy job has no backup, no checks and no proof. ``direction`` is
    ``forwards`` or ``backwards``.
    """

    REMEDIES: ClassVar = {
        "forwards": "migrate_contacts",
        "backwards": "migrate_contacts --rollback",
    }

    def __init__(self, direction: str) -> None:
        self.direction = direction

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.direction], {}

    def describe(self) -> str:
        return f"Refuse to go {self.direction} outside migrate_contacts"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        self._refuse("forwards", editor, old)

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        self._refuse("backwards", editor, new)

    def _refuse(self, direction: str, editor: Any, state: Any) -> None:
        if direction != self.direction:
            return
        if current_run(state.apps, editor.connection.alias) is not None:
            return
        with editor.connection.cursor() as cursor:
            full = tables_with_rows(cursor, LEGACY_TABLES)
        if full:
            raise CommandError(
                f"{', '.join(full)} hold rows: a plain 'migrate' has no backup, no checks and no "
                "proof, so it does not restructure them. They are as they were. Run 'manage.py "
                f"{self.REMEDIES[direction]}' instead."
            )


class LegacyObjects(DatabaseOperation):
    """Remember the indexes and constraints of ``tables`` forwards; put them back backwards.

    They are kept in the run's row, drift included. A database that started from nothing has no
    such row: there the models of the legacy state say what was there. ``added`` names what the
    restructuring adds and the legacy schema has no place for.
    """

    def __init__(self, *, tables: dict[str, str], added: list[str]) -> None:
        self.tables = tables
        self.added = added

    def deconstruct(self) -> Any:
        return type(self).__name__, [], {"tables": self.tables, "added": self.added}

    def describe(self) -> str:
        return f"Remember the indexes and constraints of {', '.join(self.tables)}"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        run = current_run(old.apps, editor.connection.alias)
        if run is None:
            return
        with editor.connection.cursor() as cursor:
            run.legacy_objects = {table: remember(cursor, table) for table in self.tables}
        run.save(update_fields=["legacy_objects"])

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        run = latest_migration(new.apps, editor.connection.alias)
        remembered = run.legacy_objects if run else {}
        created = created_companies(new.apps, editor.connection.alias)
        models = {table: new.apps.get_model(label) for table, label in self.tables.items()}
        legacy = {name: remembered.get(name) or as_modelled(models[name]) for name in models}
        with editor.connection.cursor() as cursor:
            for table, was in legacy.items():
                put_back_key(cursor, table, was)
            # The last table first: its foreign keys hold on to the keys of those before it.
            for table, was in reversed(legacy.items()):
                # What the restructuring makes where it is missing bears these names, too.
                made = {*self.added, *(item.name for item in model_objects(models[table]))}
                restarted = None
                if table == "companies":
                    restarted = self._restarted(cursor, created)
                put_back(cursor, table, was, made, restarted)

    def _restarted(self, cursor: Any, created: list[int]) -> int | None:
        """Return where the sequence was restarted, unless one of the ``created`` stays."""
        if not created:
            return None
        cursor.execute("SELECT EXISTS (SELECT 1 FROM companies WHERE id = ANY(%s))", [created])
        return None if cursor.fetchone()[0] else max(created) + 1


HOLDS_REPLICA_IDENTITY = """
    SELECT EXISTS (SELECT 1 FROM pg_index i
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                    WHERE i.indrelid = %s::regclass AND i.indisreplident AND a.attname = %s)
"""


class LetBeNull(DatabaseOperation):
    """Let ``column`` of ``table`` be NULL.

    Backwards there is nothing to do: LegacyObjects knows whether it was NOT NULL, for it may have
    drifted.
    """

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.table, self.column], {}

    def describe(self) -> str:
        return f"Let {self.column} of {self.table} be NULL"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        names = {"table": sql.Identifier(self.table), "column": sql.Identifier(self.column)}
        with editor.connection.cursor() as cursor:
            cursor.execute(HOLDS_REPLICA_IDENTITY, [self.table, self.column])
            if cursor.fetchone()[0]:
                # An index that is the replica identity must not hold a column that may be NULL.
                statement = sql.SQL("ALTER TABLE {table} REPLICA IDENTITY DEFAULT")
                cursor.execute(statement.format(**names))
            statement = sql.SQL("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")
            cursor.execute(statement.format(**names))


class DropKeys(DatabaseOperation):
    """Drop what holds one of the ``rules`` on ``table``, whatever its name, before rows change.

    An index that is to go would else be maintained for each of them. Backwards there is nothing to
    do: LegacyObjects puts back what was there.
    """

    def __init__(self, table: str, rules: tuple[str, ...]) -> None:
        self.table = table
        self.rules = rules

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.table, self.rules], {}

    def describe(self) -> str:
        return f"Drop {self.rules[0]} of {self.table}"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        with editor.connection.cursor() as cursor:
            for item in read_objects(cursor, self.table):
                if item.rule in self.rules:
                    drop(cursor, self.table, item)


class Conform(DatabaseOperation):
    """Give the table of a model the indexes, constraints and NOT NULLs that the model names.

    Django's RenameIndex, AddConstraint and their kin stop at a database that has drifted; this
    renames what says the same under another name, makes what is missing, and replaces foreign keys
    of the same columns that say something else. Backwards there is nothing to do: LegacyObjects
    puts back what was there.
    """

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.model_name], {}

    def describe(self) -> str:
        return f"Give {self.model_name} its indexes and constraints"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = new.apps.get_model(app_label, self.model_name)
        wanted = model_objects(model)
        with editor.connection.cursor() as cursor:
            self._set_not_null(cursor, model)
            keys = {item.foreign_key_columns for item in wanted} - {None}
            table = model._meta.db_table
            reconcile(cursor, table, wanted, lambda item: item.foreign_key_columns in keys)

    @staticmethod
    def _set_not_null(cursor: Any, model: Any) -> None:
        """Set NOT NULL what has drifted to nullable. A check before the run finds NULLs."""
        required = [field.column for field in model._meta.concrete_fields if not field.null]
        cursor.execute(NULLABLE, [model._meta.db_table, required])
        for (column,) in cursor.fetchall():
            alter = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL")
            table = sql.Identifier(model._meta.db_table)
            cursor.execute(alter.format(table, sql.Identifier(column)))


class AddCheckRule(AddConstraint):
    """Add a check, unless rows break it: then it stays pending.

    A check that is NOT VALID still refuses every update of a row that breaks it, so it is not
    added at all. ``migrate_contacts --enforce-rules`` adds it once its rows have been put right.
    """

    constraint: CheckConstraint

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = new.apps.get_model(app_label, self.model_name)
        with editor.connection.cursor() as cursor:
            cursor.execute(f"SELECT EXISTS ({rows_breaking(model, self.constraint, editor)})")
            if cursor.fetchone()[0]:
                return
        editor.add_constraint(model, self.constraint)

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = old.apps.get_model(app_label, self.model_name)
        with editor.connection.cursor() as cursor:
            present = read_objects(cursor, model._meta.db_table)
        if any(item.name == self.constraint.name for item in present):
            editor.remove_constraint(model, self.constraint)
