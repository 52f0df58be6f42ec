"""Taking the wreck of the old Alembic migration back to the legacy shape.

That migration committed in pieces: when it died, `customers` was `contacts` already and the rows
without a company had been placed, while `orders` still had its `customer_id`. What it had added is
known, so it can be taken away again; a default company that it made is told from one that people
made by what stands in it.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

from contacts.models import RestructuringRun
from contacts.restructuring.changes.base import (
    ChangeResult,
    Plan,
    RefusedError,
    back_up_again_if_written,
)
from contacts.restructuring.changes.run_row import begin_run, complete_run
from contacts.restructuring.checks.base import failed as failed_checks
from contacts.restructuring.checks.base import run_checks
from contacts.restructuring.checks.before_recovery import CHECKS
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, reached_legacy
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import (
    EVERY_ROW,
    Source,
    legacy_sources,
    plain_source,
    without_companies,
)
from contacts.restructuring.proof.prove import prove
from contacts.restructuring.state.expected import legacy_models
from contacts.restructuring.state.wreck import Wreck, examine
from jmsk.postgres.catalogue import TableObject, model_objects
from jmsk.postgres.reconcile import reconcile
from jmsk.postgres.user_triggers import without_user_triggers

EXCLUSIVE = ("contacts", "orders", "companies", "addresses")

UNDO = (
    "ALTER TABLE orders DROP COLUMN company_id",
    "ALTER TABLE companies DROP COLUMN fax, DROP COLUMN default_address_id",
    "DROP TABLE addresses",
    "ALTER TABLE contacts DROP CONSTRAINT IF EXISTS uq_contact_email_per_company",
    "ALTER TABLE contacts RENAME TO customers",
    "ALTER TABLE customers ALTER COLUMN company_id DROP NOT NULL",
)
ADDED = ("fax", "default_address_id")


def recover(
    connection: BaseDatabaseWrapper, plan: Plan, journal: Journal
) -> TransactionResult[ChangeResult]:
    """Take the wreck back to the legacy shape in one transaction, proved.

    Raises CommandError, with the database as it was, if rows would be lost or the proof fails.
    """

    def work(cursor: Any, point: RecoveryPoint) -> ChangeResult:
        results = run_checks(Inspector(connection, cursor, plan.layout), CHECKS)
        if failed_checks(results):
            raise RefusedError(results)
        return take_back(connection, cursor, point, plan, journal)

    return run_in_transaction(connection, plan.frame, journal, work)


def take_back(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    point: RecoveryPoint,
    plan: Plan,
    journal: Journal,
) -> ChangeResult:
    """Undo the wreck in the open transaction, and prove that no row changed."""
    wreck = examine(cursor)
    sources = _sources(plan.layout, wreck)
    with journal.step("fingerprint before", "Taking the fingerprint of every row"):
        before = take_fingerprints(cursor, sources)

    backup_path, repeated = back_up_again_if_written(cursor, plan, journal)

    def change() -> None:
        with journal.step("recover", "Taking the tables back to the legacy shape"):
            undo(cursor, wreck)

    _, after = prove(
        connection,
        journal,
        before,
        sources,
        change,
        lambda _: legacy_sources(reached_legacy(connection)),
    )
    kind = RestructuringRun.Kind.RECOVERY
    run = begin_run(connection, journal, kind, plan.started, point.transaction_id)
    counts = {
        **{name: fingerprint.rows for name, fingerprint in after.items()},
        "companies_removed": len(wreck.companies),
        "customers_without_company_again": wreck.placed,
    }
    outcome = ChangeResult(
        before, after, counts=counts, backup_path=backup_path, backup_repeated=repeated
    )
    complete_run(run, plan, outcome, journal)
    return outcome


def undo(cursor: Any, wreck: Wreck) -> None:
    """Take away what the old migration had added, rows included."""
    for statement in UNDO:
        cursor.execute(statement)
    with without_user_triggers(cursor, "customers", "companies"):
        made = [list(wreck.companies)]
        cursor.execute("UPDATE customers SET company_id = NULL WHERE company_id = ANY(%s)", made)
        cursor.execute("DELETE FROM companies WHERE id = ANY(%s)", made)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    reconcile(cursor, "customers", _dropped_by_the_wreck(), lambda _: False)


def _dropped_by_the_wreck() -> list[TableObject]:
    """Return the indexes and the rule that stood on customers; nothing else was touched."""
    return [
        item
        for item in model_objects(legacy_models()["customers"])
        if item.kind == "index" or item.unique_columns
    ]


def _sources(layout: Layout, wreck: Wreck) -> list[Source]:
    """Return how to read the wreck in its legacy meaning."""
    tenants, companies, contacts, orders = (
        plain_source(layout.tables[name]) for name in ("tenants", "companies", "contacts", "orders")
    )
    ids = sql.Literal(list(wreck.companies))
    no_company = sql.SQL("CASE WHEN company_id <> ALL({}::integer[]) THEN company_id END")
    return [
        tenants,
        _leaving_out(companies, ADDED, without_companies(wreck.companies)),
        Source(
            "customers",
            contacts.oid,
            contacts.schema,
            "contacts",
            {**contacts.columns, "company_id": no_company.format(ids)},
            EVERY_ROW,
        ),
        _leaving_out(orders, ("company_id",), EVERY_ROW),
    ]


def _leaving_out(source: Source, added: tuple[str, ...], where: sql.Composable) -> Source:
    columns = {name: item for name, item in source.columns.items() if name not in added}
    return Source(source.table, source.oid, source.schema, source.relation, columns, where)
