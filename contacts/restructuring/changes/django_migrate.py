"""Running Django's ``migrate`` inside the run's transaction."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from contacts.restructuring.changes.context import ChangeContext
from contacts.restructuring.database.settings import schema_only
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import unrelated_apps
from jmsk.postgres.django_schema import own_name
from jmsk.postgres.queries import execute, is_there, value


class _Migrate(MigrateCommand):
    """Django's ``migrate``, telling a journal about each migration instead of printing."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal
        self.open_step = ExitStack()

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        if action == "apply_start":
            self.open_step.enter_context(self.journal.step(f"Applying {migration}"))
        elif action == "apply_success":
            self.open_step.close()


def make_django_schema(cursor: Any, migrate_app: Callable[[str], object]) -> None:
    """Make the schema of Django's own tables, with them in it, where DJANGO_SCHEMA asks for one.

    Only that schema is in the search path meanwhile: Django would else take the tables of another
    project, which bear the same names, for its own. ``migrate_app`` applies an app's migrations.
    """
    schema = settings.DJANGO_SCHEMA
    if not schema:
        return
    if is_there(cursor, own_name("django_migrations")):
        return
    # Even IF NOT EXISTS wants the right to create one.
    if value(cursor, "SELECT to_regnamespace(%s) IS NULL", [schema]):
        execute(cursor, "CREATE SCHEMA {}", schema)
    with schema_only(cursor, schema):
        MigrationRecorder(cursor.db).ensure_schema()
        for app in unrelated_apps(MigrationLoader(None).graph):
            migrate_app(app)
            # The next one alters tables into which this one has put rows.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def migrate(context: ChangeContext, *target: str) -> None:
    """Run ``migrate`` to ``target``, legacy tables faked where they are there already."""
    call_command(
        _Migrate(context.journal),
        *target,
        database=context.connection.alias,
        fake_initial=True,
        interactive=False,
        skip_checks=True,
        verbosity=0,
    )
