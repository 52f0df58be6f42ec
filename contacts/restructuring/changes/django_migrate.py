"""Running Django's ``migrate`` inside the run's transaction."""

from contextlib import ExitStack
from typing import Any

from django.core.management import call_command
from django.core.management.commands.migrate import Command as MigrateCommand

from contacts.restructuring.changes.context import ChangeContext
from contacts.restructuring.journal import Journal

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
