"""Django's ``runserver``, which names the command that leads to the tables of the admin."""

from django.contrib.staticfiles.management.commands.runserver import Command as RunserverCommand
from django.db import DEFAULT_DB_ALIAS, connections

from contacts.restructuring.database.layout import Stage, read_layout

UNFIT = (Stage.LEGACY, Stage.PREPARED, Stage.PARTIAL, Stage.UNKNOWN)
"""Stages at which a plain ``migrate`` is not what has to be run."""


class Command(RunserverCommand):
    """Run the admin on this machine."""

    def check_migrations(self) -> None:
        """Say what has to be run first, if the database is not migrated."""
        stage = read_layout(connections[DEFAULT_DB_ALIAS]).stage
        if stage not in UNFIT:
            super().check_migrations()
            return
        self.stdout.write(
            self.style.NOTICE(
                f"The database is {stage}, and the admin needs a migrated one: "
                "'python manage.py migrate_contacts --dry-run' says what is to be done."
            )
        )
