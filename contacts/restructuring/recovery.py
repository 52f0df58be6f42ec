"""Taking the wreck of the old Alembic migration back to the legacy shape.

That migration committed in pieces: when it died, `customers` was `contacts` already and the rows
without a company had been placed, while `orders` still had its `customer_id`. What it had added is
known, so it can be taken away again; a default company that it made is told from one that people
made by what stands in it.
"""

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import sql

from contacts.models import RestructuringRun
from contacts.restructuring.checks import (
    Check,
    Finding,
    Scene,
    Severity,
    problems,
    rows,
    run_checks,
)
from contacts.restructuring.checks import failed as failed_checks
from contacts.restructuring.django_migrate import begin_run
from contacts.restructuring.expectations import legacy_models
from contacts.restructuring.fingerprint import (
    EVERY_ROW,
    Source,
    legacy_sources,
    plain_source,
    take,
    without_companies,
)
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof import prove
from contacts.restructuring.rights import RIGHTS
from contacts.restructuring.run import (
    Outcome,
    Plan,
    RefusedError,
    back_up_again_if_written,
    complete_run,
)
from contacts.restructuring.stage import Layout, reached_legacy
from contacts.restructuring.surroundings import WRITABLE
from contacts.restructuring.transaction import Ended, RecoveryPoint, run_in_transaction
from jmsk.catalogue import TableObject, model_objects, reconcile
from jmsk.references import referred_rows
from jmsk.user_triggers import without_user_triggers

EXCLUSIVE = ("contacts", "orders", "companies", "addresses")
MADE_BY_THE_WRECK = """
    SELECT d.id FROM companies d
     WHERE d.name = 'Default Company' AND d.fax IS NULL
       AND num_nonnulls(d.address, d.phone, d.email) = 0
       AND d.created_at = coalesce(d.updated_at, d.created_at)
       AND EXISTS (SELECT 1 FROM contacts c WHERE c.company_id = d.id)
       AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.company_id = d.id
                          AND (c.created_at >= d.created_at OR c.tenant_id <> d.tenant_id))
     ORDER BY d.id
"""
"""The wreck's INSERT gave a name and a tenant only, both times are the moment of its transaction,
and everybody it placed was there before."""

UNDO = (
    "ALTER TABLE orders DROP COLUMN company_id",
    "ALTER TABLE companies DROP COLUMN fax, DROP COLUMN default_address_id",
    "DROP TABLE addresses",
    "ALTER TABLE contacts DROP CONSTRAINT IF EXISTS uq_contact_email_per_company",
    "ALTER TABLE contacts RENAME TO customers",
    "ALTER TABLE customers ALTER COLUMN company_id DROP NOT NULL",
)
ADDED = ("fax", "default_address_id")


def addresses(scene: Scene) -> Finding:
    return rows(scene, "SELECT id, company_id FROM addresses", "Address {id} would be lost")


def fax_numbers(scene: Scene) -> Finding:
    return rows(
        scene,
        "SELECT id FROM companies WHERE fax IS NOT NULL OR default_address_id IS NOT NULL",
        "The fax or default address of company {id} would be lost",
    )


def moved_orders(scene: Scene) -> Finding:
    return rows(
        scene,
        "SELECT o.id, o.company_id FROM orders o LEFT JOIN contacts c ON c.id = o.customer_id "
        "WHERE o.company_id IS DISTINCT FROM c.company_id AND o.company_id IS NOT NULL",
        "That order {id} belongs to company {company_id} would be lost: its customer does not",
    )


def references(scene: Scene) -> Finding:
    """Other programs' rows that refer to a company which is to go, whatever their key then does."""
    made = examine(scene.cursor).companies
    found = referred_rows(
        scene.cursor, "companies", made, but_for=("contacts", "orders", "addresses")
    )
    return problems(f"Rows of another table refer to company {company}" for company in found)


def duplicate_emails(scene: Scene) -> Finding:
    return rows(
        scene,
        "SELECT min(id) AS id, tenant_id, email, count(*) AS contacts FROM contacts "
        "GROUP BY tenant_id, email HAVING count(*) > 1",
        "{contacts} contacts of tenant {tenant_id} have the e-mail of contact {id}",
    )


CHECKS = (
    Check(
        "addresses",
        "No address was entered",
        Severity.ERROR,
        addresses,
        "Somebody has worked with this state: save these rows elsewhere and delete them first.",
    ),
    Check(
        "fax_numbers",
        "No fax number or default address was entered",
        Severity.ERROR,
        fax_numbers,
        "Somebody has worked with this state: save these values elsewhere, then set them NULL.",
    ),
    Check(
        "moved_orders",
        "Orders follow their customers",
        Severity.ERROR,
        moved_orders,
        "Somebody has worked with this state: set company_id to NULL where it may be lost.",
    ),
    Check(
        "references",
        "Nothing refers to the default companies that it made",
        Severity.ERROR,
        references,
        "Somebody has worked with this state: let these rows refer to another company.",
    ),
    Check(
        "unique_emails_in_tenant",
        "E-mails are unique in a tenant",
        Severity.ERROR,
        duplicate_emails,
        "They were when the wreck came about: give all but one of these another e-mail.",
    ),
    RIGHTS,
    WRITABLE,
)


@dataclass(frozen=True)
class Wreck:
    """What the old migration left: the default companies it made, and whom it placed there."""

    companies: tuple[int, ...]
    placed: int


def examine(cursor: Any) -> Wreck:
    """Tell what the old migration made."""
    cursor.execute(MADE_BY_THE_WRECK)
    companies = [company for (company,) in cursor.fetchall()]
    cursor.execute("SELECT count(*) FROM contacts WHERE company_id = ANY(%s)", [companies])
    return Wreck(tuple(companies), cursor.fetchone()[0])


def recover(connection: BaseDatabaseWrapper, plan: Plan, journal: Journal) -> Ended[Outcome]:
    """Take the wreck back to the legacy shape in one transaction, proved.

    Raises CommandError, with the database as it was, if rows would be lost or the proof fails.
    """

    def work(cursor: Any, point: RecoveryPoint) -> Outcome:
        results = run_checks(Scene(connection, cursor, plan.layout), CHECKS)
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
) -> Outcome:
    """Undo the wreck in the open transaction, and prove that no row changed."""
    wreck = examine(cursor)
    sources = _sources(plan.layout, wreck)
    with journal.step("fingerprint before", "Taking the fingerprint of every row"):
        before = take(cursor, sources)

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
    outcome = Outcome(
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
        if item.kind == "index" or item.definition.startswith("UNIQUE")
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
