"""The row in which a run is recorded."""

import getpass
from datetime import datetime

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import ChangeResult, Plan
from contacts.restructuring.changes.django_migrate import migrate
from contacts.restructuring.journal import Journal


def complete_run(
    run: RestructuringRun, plan: Plan, outcome: ChangeResult, journal: Journal
) -> None:
    """Fill in the run's row with what is known at the end, just before COMMIT."""
    run.finished_at = timezone.now()
    run.backup_path = str(outcome.backup_path or "")
    run.counts = outcome.counts
    run.checks = [result.as_dict() for result in (*plan.checks_before, *outcome.results)]
    run.fingerprints = {
        "before": {name: vars(item) for name, item in outcome.before.items()},
        "after": {name: vars(item) for name, item in outcome.after.items()},
    }
    run.durations = {name: round(took, 3) for name, took in journal.seconds.items()}
    run.save()


RUNS_MIGRATION = ("contacts", "0002_restructuringrun")


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
