"""Migration operations for a database that Django did not make."""

from collections.abc import Mapping
from typing import Any

from django.db.migrations.operations import AddConstraint, AddField
from django.db.migrations.operations.base import Operation
from django.db.models import CheckConstraint

from jmsk.postgres.catalogue import Type, model_objects, read_objects
from jmsk.postgres.check_rules import add_rule, rows_breaking
from jmsk.postgres.column_types import Column, column_type
from jmsk.postgres.prepared import (
    changed_keys,
    has_column,
    legacy_table,
    preparation,
    reserved_companies,
)
from jmsk.postgres.queries import column, execute, value
from jmsk.postgres.reconcile import drop, reconcile

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


HOLDS_REPLICA_IDENTITY = """
    SELECT EXISTS (SELECT 1 FROM pg_index i
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                    WHERE i.indrelid = %s::regclass AND i.indisreplident AND a.attname = %s)
"""


class DropNotNull(DatabaseOperation):
    """Let ``column`` of ``table`` be NULL.

    Backwards there is nothing to do: RememberLegacyState knows whether it was NOT NULL, for it may
    have drifted.
    """

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.table, self.column], {}

    def describe(self) -> str:
        return f"Let {self.column} of {self.table} be NULL"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        with editor.connection.cursor() as cursor:
            if value(cursor, HOLDS_REPLICA_IDENTITY, [self.table, self.column]):
                # An index that is the replica identity must not hold a column that may be NULL.
                execute(cursor, "ALTER TABLE {} REPLICA IDENTITY DEFAULT", self.table)
            drop_not_null = "ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL"
            execute(cursor, drop_not_null, self.table, self.column)


class DropUniqueKeys(DatabaseOperation):
    """Drop what keeps ``columns`` of ``table`` unique, whatever its name, before rows change.

    An index that is to go would else be maintained for each of them. Backwards there is nothing to
    do: RememberLegacyState puts back what was there.
    """

    def __init__(self, table: str, columns: tuple[str, ...]) -> None:
        self.table = table
        self.columns = columns

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.table, self.columns], {}

    def describe(self) -> str:
        return f"Drop unique {', '.join(self.columns)} of {self.table}"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        with editor.connection.cursor() as cursor:
            for item in read_objects(cursor, self.table):
                if item.unique_columns == set(self.columns):
                    drop(cursor, self.table, item)


class AdoptOrAddField(AddField):
    """Add a field, or take over the column that the online preparation has added for it.

    The column has no default, and the type of the column ``like``.
    """

    def __init__(self, like: Column, model_name: str, name: str, field: Any) -> None:
        super().__init__(model_name, name, field)
        self.like = like

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.like, self.model_name, self.name, self.field], {}

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = new.apps.get_model(app_label, self.model_name)
        table, column = model._meta.db_table, model._meta.get_field(self.name).column
        with editor.connection.cursor() as cursor:
            if not has_column(cursor, table, column):
                add = "ALTER TABLE {} ADD COLUMN {} {}"
                execute(cursor, add, table, column, column_type(cursor, self.like))


class GiveTypes(DatabaseOperation):
    """Give columns of the new ``table`` the types of others: ``like`` names those by column."""

    def __init__(self, table: str, like: Mapping[str, Column]) -> None:
        self.table = table
        self.like = like

    def deconstruct(self) -> Any:
        return type(self).__name__, [self.table, self.like], {}

    def describe(self) -> str:
        return f"Give {', '.join(self.like)} of {self.table} the types of what they refer to"

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        with editor.connection.cursor() as cursor:
            for name, like in self.like.items():
                wanted = column_type(cursor, like)
                if wanted != column_type(cursor, (self.table, name)):
                    alter = "ALTER TABLE {} ALTER COLUMN {} TYPE {}"
                    execute(cursor, alter, self.table, name, wanted)


class ConformToModel(DatabaseOperation):
    """Give the table of a model the indexes, constraints and NOT NULLs that the model names.

    Django's RenameIndex, AddConstraint and their kin stop at a database that has drifted; this
    renames what says the same under another name, makes what is missing, and replaces foreign keys
    of the same columns that say something else. Backwards there is nothing to do:
    RememberLegacyState puts back what was there.
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
            keys = {item.columns for item in wanted if item.type is Type.FOREIGN_KEY}
            reconcile(
                cursor,
                model._meta.db_table,
                wanted,
                lambda item: item.type is Type.FOREIGN_KEY and item.columns in keys,
                validate=preparation(editor) is None,
            )

    @staticmethod
    def _set_not_null(cursor: Any, model: Any) -> None:
        """Set NOT NULL what has drifted to nullable. A check before the run finds NULLs."""
        table = model._meta.db_table
        required = [field.column for field in model._meta.concrete_fields if not field.null]
        for name in column(cursor, NULLABLE, [table, required]):
            execute(cursor, "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, name)


class AddCheckRule(AddConstraint):
    """Add a check, unless rows break it: then it stays pending.

    A check that is NOT VALID still refuses every update of a row that breaks it, so it is not
    added at all. ``migrate_contacts --enforce-rules`` adds it once its rows have been put right.
    On a prepared database the last check has asked all rows; here only those are asked that changed
    since, and the check is validated after COMMIT.
    """

    constraint: CheckConstraint

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = new.apps.get_model(app_label, self.model_name)
        with editor.connection.cursor() as cursor:
            notes = preparation(editor)
            if notes is not None:
                if self._holds(cursor, model, notes, editor):
                    add_rule(model, self.constraint, editor, validate=False)
                return
            if value(cursor, f"SELECT EXISTS ({rows_breaking(model, self.constraint, editor)})"):
                return
        add_rule(model, self.constraint, editor)

    def _holds(self, cursor: Any, model: Any, notes: dict[str, Any], editor: Any) -> bool:
        """Return whether no row breaks the rule, those included that changed since the check."""
        if self.constraint.name in notes["broken_rules"]:
            return False
        table = legacy_table(model._meta.db_table)
        keys = changed_keys(cursor, table)
        if table == "companies":
            keys += reserved_companies(cursor)
        breaking = rows_breaking(model, self.constraint, editor).replace("%", "%%")
        return not value(cursor, f"SELECT EXISTS ({breaking} AND id = ANY(%s))", [keys])

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        model = old.apps.get_model(app_label, self.model_name)
        with editor.connection.cursor() as cursor:
            present = read_objects(cursor, model._meta.db_table)
        if any(item.name == self.constraint.name for item in present):
            editor.remove_constraint(model, self.constraint)
