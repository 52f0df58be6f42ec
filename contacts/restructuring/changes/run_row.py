"""The row in which a run is recorded."""

from functools import partial

from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring.changes.context import ChangeContext, ChangeResult
from contacts.restructuring.changes.django_migrate import make_django_schema, migrate
from contacts.restructuring.database.identity import operating_system_user
from jmsk.postgres.django_schema import applied_migrations

RUNS_MIGRATION = ("contacts", "0002_restructuringrun")


def begin_run(context: ChangeContext, kind: RestructuringRun.Kind) -> RestructuringRun:
    """Write the run's row. By it the migrations know that they are run by the command."""
    connection = context.connection
    make_django_schema(context.cursor, partial(migrate, context))
    if RUNS_MIGRATION not in applied_migrations(connection):
        migrate(context, *RUNS_MIGRATION)
    context.cursor.execute("SELECT current_user")
    return RestructuringRun.objects.using(connection.alias).create(
        kind=kind,
        transaction_id=context.point.transaction_id,
        started_at=context.plan.started,
        operating_system_user=operating_system_user(),
        database_user=context.cursor.fetchone()[0],
    )


def complete_run(run: RestructuringRun, context: ChangeContext, result: ChangeResult) -> None:
    """Fill in the run's row with what is known at the end, just before COMMIT."""
    checks = (*context.plan.checks_before, *result.results)
    run.finished_at = timezone.now()
    run.backup_path = str(result.backup_path or "")
    run.counts = dict(result.counts)
    run.checks = [check.as_dict() for check in checks]
    run.fingerprints = {
        "before": {name: vars(item) for name, item in result.before.items()},
        "after": {name: vars(item) for name, item in result.after.items()},
    }
    run.durations = {name: round(took, 3) for name, took in context.journal.seconds.items()}
    run.save()
