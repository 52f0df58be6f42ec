"""Fills an empty database with a legacy jewellery business to try the restructuring on."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.console.progress import progress_on
from contacts.restructuring.console.terminal import FittedOutput
from contacts.restructuring.journal import Journal
from contacts.sample import Size, Step, build, find_objects
from jmsk.postgres.databases import is_missing
from jmsk.postgres.server_errors import server_words
from jmsk.suggestions import suggesting

USAGE = 2
SHOWN = 5


class Command(BaseCommand):
    help = (
        "Builds the legacy schema, as the legacy application leaves it, in an empty database and "
        "fills it with a made-up jewellery business. The same seed gives the same rows."
    )
    # The checks are about Django's models, whose tables do not exist yet.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        suggesting(parser)
        usual = Size()
        for name, text in (
            ("customers", "customers, an eighth of them without a company"),
            ("orders", "orders, a twentieth of them without a customer"),
            ("tenants", "tenants, of which the last has no customers"),
            ("seed", "any integer; it decides which rows are made"),
        ):
            number = getattr(usual, name)
            parser.add_argument(
                f"--{name}", type=int, default=number, help=f"{text} (default {number})"
            )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help=f'alias of the database to fill (default "{DEFAULT_DB_ALIAS}")',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            size = Size(*(options[name] for name in ("customers", "orders", "tenants", "seed")))
        except ValueError as error:
            raise CommandError(str(error), returncode=USAGE) from error
        alias = options["database"]
        connection = connections[alias]
        started = time.monotonic()
        try:
            with self._heard(options) as step, transaction.atomic(using=alias):
                _refuse_unfit(connection)
                counts = build(connection, size, step)
        except Error as error:
            if is_missing(connection, error):
                raise CommandError(
                    f'The server has no database "{connection.settings_dict["NAME"]}".\n'
                    "Nothing was changed. Make it with 'manage.py create_database', or correct the "
                    "name in DATABASE_URL."
                ) from error
            raise CommandError(
                f"The sample could not be loaded into database "
                f'"{connection.settings_dict["NAME"]}": {server_words(error)}\n'
                "Nothing was changed. Put that right, or name another database in DATABASE_URL."
            ) from error
        if options["verbosity"] > 0:
            self._report(connection, counts, time.monotonic() - started)

    @contextmanager
    def _heard(self, options: dict[str, Any]) -> Iterator[Step]:
        """Give what each part of the work is done in, so that it is told while it goes on."""
        progress = progress_on(FittedOutput(self.stderr), options["database"])
        shown = options["verbosity"] > 0
        journal = Journal(progress.hear if shown else lambda event: None)
        try:
            yield partial(journal.step, "sample")
        finally:
            progress.close()

    def _report(
        self, connection: BaseDatabaseWrapper, counts: dict[str, int], seconds: float
    ) -> None:
        name = connection.settings_dict["NAME"]
        self.stdout.write(
            self.style.SUCCESS(
                f'Loaded the legacy sample into database "{name}" ({seconds:.1f} s):'
            )
        )
        for table, count in counts.items():
            self.stdout.write(f"  {table:<20} {count:>12,}")
        alias = "" if connection.alias == DEFAULT_DB_ALIAS else f" --database {connection.alias}"
        self.stdout.write(f"Next: python manage.py migrate_contacts --dry-run{alias}")


def _refuse_unfit(connection: BaseDatabaseWrapper) -> None:
    """Raise CommandError unless the database is empty and can hold names in every script."""
    name = connection.settings_dict["NAME"]
    found = find_objects(connection)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise CommandError(
            f'Database "{name}" is not empty. It holds {", ".join(found[:SHOWN])}{more}.\n'
            "The sample is only loaded into an empty database, and nothing was changed. Name one "
            "in DATABASE_URL; 'manage.py create_database' makes it."
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_encoding'), current_schema()")
        encoding, schema = cursor.fetchone()
    if encoding != "UTF8":
        raise CommandError(
            f'Database "{name}" has the encoding {encoding}, which cannot hold the names of the '
            "sample. Name another in DATABASE_URL; 'manage.py create_database' makes it in UTF-8."
        )
    if schema is None:
        raise CommandError(
            f'Database "{name}" has no schema to create tables in: none on the search_path exists. '
            "Run CREATE SCHEMA public, or set the role's search_path."
        )
