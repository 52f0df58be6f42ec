"""Whether today's rows keep the keys and NOT NULLs that come back with the legacy schema.

Where the migrated tables hold the same rule, no row can break it. Where somebody has dropped it
since the migration, the rows are asked, in their legacy meaning.
"""

from collections.abc import Iterator

from contacts.meaning import EMAIL
from contacts.restructuring.checks.base import Finding, Found, check, rows, together
from contacts.restructuring.checks.tables.key_rows import shared, without_target, without_value
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import sources_before_rollback
from contacts.restructuring.state.expected import ONE_EMAIL_PER_TENANT, email_keys
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    remembered,
    wanted_and_present,
    wanted_objects,
)
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import Type
from jmsk.postgres.queries import compose, listed

ASKED_ELSEWHERE = {("customers", "email"), ("orders", "customer_id"), ("orders", "customer_name")}
"""Columns whose NOT NULL has a check of its own."""


@check(
    "Rows keep the rules that come back",
    "Put these rows right: the legacy schema has the key that they break.",
)
def legacy_constraints(inspector: Inspector) -> Finding:
    """Find rows that break a rule of the legacy tables which the migrated ones do not hold."""
    return together(
        finding
        for table in TABLES
        for finding in (*_missing_keys(inspector, table), *_missing_not_nulls(inspector, table))
    )


def _missing_keys(inspector: Inspector, table: str) -> Iterator[Finding]:
    wanted, present = wanted_and_present(inspector, table)
    for want in wanted:
        if want.unique_columns == ONE_EMAIL_PER_TENANT or any(item.holds(want) for item in present):
            continue
        if want.reference and want.validated:
            yield without_target(inspector, table, want, _legacy_rows(inspector))
        elif want.unique_columns or want.type is Type.PRIMARY_KEY:
            yield shared(inspector, table, want, _legacy_rows(inspector))


def _missing_not_nulls(inspector: Inspector, table: str) -> Iterator[Finding]:
    columns = inspector.layout.tables[now_called(table)].columns
    nullable = {column.name for column in columns if not column.not_null}
    for column, wanted in remembered(inspector.once(read_record), table)["not_null"].items():
        if wanted and column in nullable and (table, column) not in ASKED_ELSEWHERE:
            yield without_value(inspector, table, column, _legacy_rows(inspector))


def _legacy_rows(inspector: Inspector) -> str:
    """Return the WITH clause in which the legacy tables' names mean what they will hold."""
    tables = []
    for source in sources_before_rollback(inspector.layout, ()):
        cells = (compose("{} AS {}", value, name) for name, value in source.columns.items())
        read = (source.schema, source.relation)
        tables.append(compose("{} AS (SELECT {} FROM {})", source.table, listed(cells), read))
    return inspector.text(compose("WITH {}", listed(tables)))


def shared_emails(inspector: Inspector, email: str) -> Finding:
    """Find contacts of a tenant that share an e-mail; ``email`` is the SQL that yields it."""
    return rows(
        inspector,
        f"SELECT min(id) AS id, tenant_id, {email} AS email, count(*) AS contacts "
        f"FROM contacts WHERE {email} IS NOT NULL GROUP BY tenant_id, {email} HAVING count(*) > 1",
        "{contacts} contacts of tenant {tenant_id} have the e-mail of contact {id}",
    )


@check(
    "E-mails are unique in a tenant",
    "They were when the wreck came about: give all but one of these another e-mail.",
    name="unique_emails_in_tenant",
)
def unique_emails_in_wreck(inspector: Inspector) -> Found:
    return shared_emails(inspector, "email")


@check(
    "E-mails are unique in a tenant again",
    "Give all but one of these contacts another e-mail.",
    name="unique_emails_in_tenant",
)
def unique_emails(inspector: Inspector) -> Found:
    """Find them with the e-mails that come back, unless the legacy table allowed it."""
    if email_keys(wanted_objects(inspector.once(read_record), "customers")):
        return shared_emails(inspector, EMAIL)
    return Finding(note="the legacy table had no unique e-mails, so none is needed")
