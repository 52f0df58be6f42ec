"""The way back: reverse the restructuring in one transaction and prove it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import (
    ChangeResult,
    Plan,
    RefusedError,
    back_up_again_if_written,
)
from contacts.restructuring.changes.django_migrate import LEGACY_MIGRATION, migrate
from contacts.restructuring.changes.run_row import begin_run, complete_run
from contacts.restructuring.checks.base import failed, run_checks
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import reached_legacy
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import (
    Source,
    legacy_sources,
    sources_before_rollback,
    without_companies,
)
from contacts.restructuring.proof.prove import prove
from contacts.restructuring.state import alembic
from contacts.restructuring.state.record import MigrationRecord, read_record
from jmsk.postgres.catalogue import TableObject, read_objects

EXCLUSIVE = ("contacts", "orders", "companies", "addresses")


def roll_back(
    connection: BaseDatabaseWrapper, plan: Plan, journal: Journal
) -> TransactionResult[ChangeResult]:
    """Bring a migrated database back to the legacy schema in one transaction, proved.

    Raises CommandError, with the database as it was, if something stands in the way.
    """

    def work(cursor: Any, point: RecoveryPoint) -> ChangeResult:
        with journal.step("checks under lock", "Running the checks again, under the lock"):
            results = run_checks(Inspector(connection, cursor, plan.layout), CHECKS_BACK)
        if failed(results):
            raise RefusedError(results)
        return reverse(connection, cursor, point, plan, journal, RestructuringRun.Kind.ROLLBACK)

    return run_in_transaction(connection, plan.frame, journal, work)


def reverse(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    journal: Journal,
    kind: RestructuringRun.Kind,
) -> ChangeResult:
    """Reverse the restructuring in the open transaction, and prove that no row changed."""
    record = read_record(cursor)
    sources = sources_before_rollback(plan.layout, record.created_companies)
    with journal.step("fingerprint before", "Taking the fingerprint of every row"):
        before = take_fingerprints(cursor, sources)
    backup_path, repeated = back_up_again_if_written(cursor, plan, journal)

    def change() -> RestructuringRun:
        with journal.step("migrate", "Reversing the restructuring"):
            run = begin_run(connection, journal, kind, plan.started, point.transaction_id)
            migrate(connection, journal, *LEGACY_MIGRATION)
            alembic.put_back(cursor, record.alembic)
        return run

    run, after = prove(
        connection,
        journal,
        before,
        sources,
        change,
        lambda _: _legacy_sources(connection, record.created_companies),
    )
    with journal.step("verify", "Comparing the catalogue with what was remembered"):
        _compare_catalogue(cursor, record)
        cursor.execute("ANALYZE tenants, companies, customers, orders")
    counts = {name: fingerprint.rows for name, fingerprint in after.items()}
    outcome = ChangeResult(
        before, after, counts=counts, backup_path=backup_path, backup_repeated=repeated
    )
    complete_run(run, plan, outcome, journal)
    return outcome


def _legacy_sources(
    connection: BaseDatabaseWrapper, created_companies: Iterable[int]
) -> list[Source]:
    """Return the sources after the reversal, the created companies that stay left out."""
    tenants, companies, customers, orders = legacy_sources(reached_legacy(connection))
    where = without_companies(list(created_companies))
    return [tenants, replace(companies, where=where), customers, orders]


def _compare_catalogue(cursor: Any, record: MigrationRecord) -> None:
    """Raise CommandError unless the legacy objects are again what they were, drift included.

    A comment or a mark that somebody has given one since is no difference: it stays.
    """
    told = []
    for table, remembered in record.legacy_objects.items():
        present = {(item.kind, item.name): item for item in read_objects(cursor, table)}
        for item in (TableObject.from_dict(values) for values in remembered["objects"]):
            now = present.get((item.kind, item.name))
            if now is None or not now.is_again(item):
                told.append(f"{table}: {item.name} ({item.definition})")
    if told:
        raise CommandError(
            f"These legacy objects did not come back as they were: {'; '.join(sorted(told))}. "
            "Everything was rolled back: the database is as it was. Bring them near to what they "
            "were, or restore a backup."
        )
