"""The row in which a run is recorded."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring.changes.context import ChangeContext, ChangeResult
from contacts.restructuring.changes.django_migrate import make_django_schema, migrate
from contacts.restructuring.checks.base import Result
from contacts.restructuring.database.identity import operating_system_user
from contacts.restructuring.database.transaction import RecoveryPoint
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import RUNS_MIGRATION
from jmsk.postgres.django_schema import applied_migrations, own_name
from jmsk.postgres.queries import value

WRITABLE = """
    SELECT coalesce(bool_and(has_table_privilege(to_regclass(%s), wanted)), false)
      FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS wanted
"""


def begin_run(context: ChangeContext, kind: RestructuringRun.Kind) -> RestructuringRun:
    """Write the run's row. By it the migrations know that they are run by the command."""
    connection = context.connection
    make_django_schema(context.cursor, partial(migrate, context))
    if RUNS_MIGRATION not in applied_migrations(connection):
        migrate(context, *RUNS_MIGRATION)
    return write_row(connection, context.cursor, kind, context.point, context.plan.started)


def write_row(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    kind: RestructuringRun.Kind,
    point: RecoveryPoint,
    started: datetime,
) -> RestructuringRun:
    """Write the row of a run in its transaction, of which ``point`` is the begin."""
    return RestructuringRun.objects.using(connection.alias).create(
        kind=kind,
        transaction_id=point.transaction_id,
        started_at=started,
        operating_system_user=operating_system_user(),
        database_user=value(cursor, "SELECT current_user"),
    )


@contextmanager
def recorded(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    kind: RestructuringRun.Kind,
    point: RecoveryPoint,
    started: datetime,
    journal: Journal,
) -> Iterator[list[Result]]:
    """Record what the block does as a run, in its transaction, which begins at ``point``.

    Takes the results of checks into the list that it gives. A call that commits several times is
    one run: they bear the same ``started``. Nothing is recorded where there is no table of runs, as
    on a database that was never migrated, or the role may not write it.
    """
    checks: list[Result] = []
    if not value(cursor, WRITABLE, [own_name(RestructuringRun._meta.db_table)]):
        yield checks
        return
    known = RestructuringRun.objects.using(connection.alias).filter(kind=kind, started_at=started)
    run = known.first() or write_row(connection, cursor, kind, point, started)
    yield checks
    finish_row(run, checks, journal)


def complete_run(run: RestructuringRun, context: ChangeContext, result: ChangeResult) -> None:
    """Fill in the run's row with what is known at the end, just before COMMIT."""
    run.backup_path = str(result.backup_path or "")
    run.counts = dict(result.counts)
    run.fingerprints = {
        "before": {name: vars(item) for name, item in result.before.items()},
        "after": {name: vars(item) for name, item in result.after.items()},
    }
    finish_row(run, (*context.plan.checks_before, *result.results), context.journal)


def finish_row(run: RestructuringRun, checks: Sequence[Result], journal: Journal) -> None:
    """Note when the run ended, what its checks found, and how long its steps took; save it."""
    run.finished_at = timezone.now()
    run.checks = [check.as_dict() for check in checks]
    run.durations = {name: round(took, 3) for name, took in journal.seconds.items()}
    run.save()
