"""``manage.py create_database``: make the database that DATABASE_URL names."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, Error, connections

from jmsk.postgres import databases
from jmsk.postgres.server_errors import server_words


class Command(BaseCommand):
    help = (
        "Makes the database that DATABASE_URL names, empty and in UTF-8, on a server that runs. "
        "Where it is there already, nothing is done."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help=f'alias of the database to make (default "{DEFAULT_DB_ALIAS}")',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        name = connection.settings_dict["NAME"]
        try:
            made = databases.create(connection)
        except Error as error:
            raise CommandError(
                f'Database "{name}" could not be made: {server_words(error)}\n'
                "Nothing was changed. Check the server and the role in DATABASE_URL, which needs "
                "the right CREATEDB."
            ) from error
        told = f'Database "{name}" was made.' if made else f'Database "{name}" is there already.'
        self.stdout.write(self.style.SUCCESS(told))
