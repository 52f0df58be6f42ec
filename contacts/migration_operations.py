"""Migration operations that know the legacy tables and the runs."""

from typing import Any, ClassVar

from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.state.functions import REMEMBERED, remember_functions
from contacts.runs import created_companies, current_run, latest_migration
from jmsk.postgres.catalogue import model_objects
from jmsk.postgres.operations import DatabaseOperation
from jmsk.postgres.prepared import preparation, without_prepared
from jmsk.postgres.table_state import read_state, restore_key, restore_state, state_of_model

LEGACY_TABLES = ("tenants", "companies", "customers", "contacts", "orders")
"""The tables whose rows Django's own verbs must not touch, under their old and new names."""


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
            raise Failure(
                "MC206",
                f"Reversing {app_label}.0001_legacy would drop {', '.join(full)}, which hold rows "
                f"of a production database. {UNCHANGED} To undo the restructuring, run 'manage.py "
                "migrate_contacts --rollback'; to drop the tables, empty them first.",
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
            raise Failure(
                "MC205",
                f"{', '.join(full)} hold rows: a plain 'migrate' has no backup, no checks and no "
                "proof, so it does not restructure them. They are as they were. Run 'manage.py "
                f"{self.REMEDIES[direction]}' instead.",
            )


class RememberLegacyState(DatabaseOperation):
    """Remember the indexes and constraints of ``tables`` forwards; put them back backwards.

    They are kept in the run's row, drift included, beside the functions that name what is to come.
    A database that started from nothing has no such row: there the models of the legacy state say
    what was there. ``added`` names what the restructuring adds and the legacy schema has no place
    for.
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
            notes = preparation(editor)
            run.legacy_objects = {
                table: without_prepared(table, read_state(cursor, table), notes)
                for table in self.tables
            }
            run.legacy_objects[REMEMBERED] = remember_functions(cursor)
        run.save(update_fields=["legacy_objects"])

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        run = latest_migration(new.apps, editor.connection.alias)
        remembered = run.legacy_objects if run else {}
        created = created_companies(new.apps, editor.connection.alias)
        models = {table: new.apps.get_model(label) for table, label in self.tables.items()}
        legacy = {name: remembered.get(name) or state_of_model(models[name]) for name in models}
        with editor.connection.cursor() as cursor:
            for table, was in legacy.items():
                restore_key(cursor, table, was)
            # The last table first: its foreign keys hold on to the keys of those before it.
            for table, was in reversed(legacy.items()):
                # What the restructuring makes where it is missing bears these names, too.
                made = {*self.added, *(item.name for item in model_objects(models[table]))}
                gone = table == "companies" and not self._stays(cursor, created)
                left = was.get("sequences_left", {}) if gone else {}
                restore_state(cursor, table, was, made, left)

    def _stays(self, cursor: Any, created: list[int]) -> bool:
        """Whether one of the companies that the restructuring created is still there."""
        cursor.execute("SELECT EXISTS (SELECT 1 FROM companies WHERE id = ANY(%s))", [created])
        return bool(cursor.fetchone()[0])
