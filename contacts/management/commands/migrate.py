"""Django's ``migrate``, which makes the schema of its own tables first, where one is asked for."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections, transaction

from contacts.restructuring.changes.django_migrate import make_django_schema


class Command(MigrateCommand):
    """Apply migrations, in the schema that DJANGO_SCHEMA names."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Make the schema unless it is there, then do what Django does."""
        if settings.DJANGO_SCHEMA:
            self._make_schema(options["database"])
        super().handle(*arguments, **options)

    def _make_schema(self, alias: str) -> None:
        def migrate_app(app: str) -> None:
            call_command(MigrateCommand(), app, database=alias, interactive=False, verbosity=0)

        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            make_django_schema(cursor, migrate_app)
