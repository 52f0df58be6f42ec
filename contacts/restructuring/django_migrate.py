"""Running Django's ``migrate`` inside the run's transaction."""

import getpass
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from django.core.management import call_command
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from contacts.models import RestructuringRun
from contacts.restructuring.journal import Journal

RUNS_MIGRATION = ("contacts", "0002_restructuringrun")
LEGACY_MIGRATION = ("companies", "0001_legacy")
"""Reversing to it reverses everything that restructures, and nothing else."""


class _Migrate(MigrateCommand):
    """Django's ``migrate``, telling a journal about each migration instead of printing."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal
        self.open_step = ExitStack()

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        if action in ("apply_start", "unapply_start"):
            verb = "Applying" if action == "apply_start" else "Reversing"
            step = self.journal.step(f"{verb} {migration}")
            self.open_step.enter_context(step)
        elif action in ("apply_success", "unapply_success"):
            self.open_step.close()


def migrate(connection: BaseDatabaseWrapper, journal: Journal, *target: str) -> None:
    """Run ``migrate`` to ``target``, legacy tables faked where they are there already."""
    call_command(
        _Migrate(journal),
        *target,
        database=connection.alias,
        fake_initial=True,
        interactive=False,
        skip_checks=True,
        verbosity=0,
    )


def begin_run(
    connection: BaseDatabaseWrapper,
    journal: Journal,
    kind: RestructuringRun.Kind,
    started: datetime,
    transaction_id: int,
) -> RestructuringRun:
    """Write the run's row. By it the migrations know that they are run by the command."""
    if RUNS_MIGRATION not in MigrationRecorder(connection).applied_migrations():
        migrate(connection, journal, *RUNS_MIGRATION)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        database_user = cursor.fetchone()[0]
    return RestructuringRun.objects.using(connection.alias).create(
        kind=kind,
        transaction_id=transaction_id,
        started_at=started,
        operating_system_user=operating_system_user(),
        database_user=database_user,
    )


def operating_system_user() -> str:
    """Return the name of who runs this, or 'unknown' where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
