"""Whether the rows that are placed, set aside or created keep every constraint of their table.

The forward twin of ``added_constraints``: customers without a company get their tenant's default
company, of those that would share an e-mail within one all but the first lose it, and the default
companies that are missing are created, filled by the defaults of their columns.
"""

from dataclasses import dataclass, field

from django.db import DatabaseError, transaction
from psycopg2 import sql
from psycopg2.errors import QueryCanceled, ReadOnlySqlTransaction

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks.base import Finding, check, problems, together
from contacts.restructuring.checks.tables.broken_constraints import broken_constraints
from contacts.restructuring.checks.tables.future_rows import Future, future_table, generated_columns
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.settings import set_local
from contacts.restructuring.database.tables import Column
from contacts.restructuring.state.expected import email_keys
from contacts.restructuring.state.statistics import placements
from jmsk.postgres.catalogue import read_objects
from jmsk.postgres.prepared import prepared_indexes
from jmsk.postgres.queries import compose, execute, listed
from jmsk.postgres.sequences import feeding_sequences, free_values
from jmsk.postgres.server_errors import server_words

NOW = "now() AT TIME ZONE 'UTC'"
GIVEN = {
    "id": "id",
    "tenant_id": "tenant_id",
    "name": f"'{DEFAULT_COMPANY}'",
    "created_at": NOW,
    "updated_at": NOW,
}
"""What a default company is created with, as SQL; its other columns take their defaults."""

DEFAULT_COMPANIES = """
    jmsk_defaults AS MATERIALIZED (
        SELECT tenant_id, found IS NULL AS created,
               CAST(coalesce(found, ({ids}::bigint[])[
                    count(*) FILTER (WHERE found IS NULL) OVER (ORDER BY tenant_id)]) AS {key})
                   AS id
          FROM (SELECT tenant_id, (SELECT min(id) FROM companies
                                    WHERE companies.tenant_id = wanting.tenant_id
                                      AND name = {name}) AS found
                  FROM unnest({tenants}::bigint[]) AS wanting (tenant_id)) AS wanted
    )
"""
"""The default company of each tenant that needs one: the one that is there, or one to create."""

CREATED = """
    (SELECT {columns}, id IN (SELECT id FROM jmsk_defaults) AS jmsk_changes FROM companies
     UNION ALL
     SELECT {values}, true FROM jmsk_defaults WHERE created) AS companies
"""
PLACED = """
    (SELECT customers.*, jmsk_defaults.id AS jmsk_default, {set_aside} AS jmsk_set_aside
       FROM customers LEFT JOIN jmsk_defaults USING (tenant_id)) AS customers
"""
SHARED = """
    email IS NOT NULL AND customers.id <> min(customers.id) OVER (
        PARTITION BY customers.tenant_id, coalesce(company_id, jmsk_defaults.id), email)
"""
"""Whether another customer keeps the e-mail, the one with the lowest id."""

CHANGES = {
    "company_id": sql.SQL("coalesce(company_id, jmsk_default)"),
    "email": sql.SQL("CASE WHEN NOT jmsk_set_aside THEN email END"),
}
DEFAULTS_OF_DOMAINS = """
    SELECT attname::text, typdefault FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND typdefault IS NOT NULL
"""


@check(
    "Rows keep every constraint once they are placed",
    "Put these rows right before: give the customers a company yourself, or create the company "
    f"named '{DEFAULT_COMPANY}', which is used. Or drop the constraint for the time of the "
    "migration.",
)
def placed_rows(inspector: Inspector) -> Finding:
    """Whether the rows of the legacy tables can become what the restructuring makes of them."""
    created = CreatedCompany()
    _try_defaults(inspector, created)
    clause = _tables_to_come(inspector, created)
    customers = Future(
        "customers",
        clause,
        columns=tuple(CHANGES),
        nullable=("email",),
        row="customer {id}",
        generated=generated_columns(inspector, "customers"),
        own=(*_keys_that_go(inspector), *inspector.once(prepared_indexes)),
    )
    companies = Future(
        "companies",
        clause,
        columns=(*GIVEN, *created.values),
        nullable=tuple(created.without_default),
        row=f"the {DEFAULT_COMPANY} of tenant {{tenant_id}}",
        key="tenant_id",
        generated=generated_columns(inspector, "companies"),
        own=tuple(_keys_to_tenants(inspector)),
        unknown=tuple(created.unknown),
    )
    return together(
        [
            problems(created.failures),
            *broken_constraints(inspector, customers),
            *broken_constraints(inspector, companies),
        ]
    )


@dataclass
class CreatedCompany:
    """What a created company holds beside :data:`GIVEN`: SQL by column.

    ``unknown`` are columns whose default only gives a value by changing something, ``failures``
    say which defaults fail, and ``without_default`` are columns that have none.
    """

    values: dict[str, sql.Composable] = field(default_factory=dict)
    without_default: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def _try_defaults(inspector: Inspector, created: CreatedCompany) -> None:
    """Find out what the defaults of companies' columns give, if a company is to be created."""
    table = inspector.layout.tables["companies"]
    inherited = dict(inspector.rows(DEFAULTS_OF_DOMAINS, [table.oid]))
    needed = any(not placement.exists for placement in placements(inspector))
    for column in table.stored_columns:
        if column.name in GIVEN:
            continue
        default = column.default or inherited.get(column.name)
        if default is None:
            created.without_default.append(column.name)
        value = sql.SQL(f"CAST(({default or 'NULL'}) AS {column.type})")
        if needed and (column.identity or not _gives_a_value(inspector, created, column, value)):
            created.unknown.append(column.name)
            value = sql.SQL("NULL")
        created.values[column.name] = value


def _gives_a_value(
    inspector: Inspector, created: CreatedCompany, column: Column, value: sql.Composable
) -> bool:
    """Whether ``value`` can be told without changing anything: ``nextval`` cannot.

    Nothing is left of it: a function that somebody has written stands behind it, perhaps.
    """
    try:
        with transaction.atomic(using=inspector.connection.alias):
            set_local(inspector.cursor, {"transaction_read_only": "on"})
            execute(inspector.cursor, "SELECT {}", value)
            transaction.set_rollback(True, using=inspector.connection.alias)
    except DatabaseError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise
        if not isinstance(error.__cause__, ReadOnlySqlTransaction):
            created.failures.append(
                f"The default of companies.{column.name} fails for a company that has to be "
                f"created: {server_words(error)}"
            )
        return False
    return True


def _tables_to_come(inspector: Inspector, created: CreatedCompany) -> str:
    """Return the WITH clause in which companies and customers hold the rows to come."""
    companies = inspector.layout.tables["companies"]
    types = {name: sql.SQL(column.type) for name, column in companies.by_name.items()}
    values: dict[str, sql.Composable] = {
        name: compose("CAST({} AS {})", sql.SQL(value), types[name])
        for name, value in GIVEN.items()
    }
    values |= created.values
    stored = [column.name for column in companies.stored_columns]
    with_created = compose(
        CREATED, columns=listed(stored), values=listed(values[name] for name in stored)
    )
    shared = sql.SQL("false" if _keys_that_go(inspector) else SHARED)
    changing = sql.SQL("company_id IS NULL OR jmsk_set_aside")
    parts = [
        compose(
            DEFAULT_COMPANIES,
            tenants=sql.Literal([placement.tenant_id for placement in placements(inspector)]),
            ids=sql.Literal(_next_ids(inspector)),
            key=types["id"],
            name=sql.Literal(DEFAULT_COMPANY),
        ),
        future_table(inspector, "companies", {}, sql.SQL("jmsk_changes"), with_created),
        future_table(inspector, "customers", CHANGES, changing, compose(PLACED, set_aside=shared)),
    ]
    return inspector.text(compose("WITH {}", listed(parts)))


def _next_ids(inspector: Inspector) -> list[int]:
    """Return the ids that the companies to create will take, in the order of their tenants."""
    count = sum(not placement.exists for placement in placements(inspector))
    sequence = feeding_sequences(inspector.cursor, "companies").get("id")
    if sequence is not None:
        return free_values(inspector.cursor, "companies", sequence, count)
    last = inspector.value("SELECT coalesce(greatest(0, max(id)), 0) FROM companies")
    return list(range(last + 1, last + 1 + count))


def _keys_that_go(inspector: Inspector) -> list[str]:
    """Return the keys on the e-mails of a tenant, which go; while one is there, none is shared."""
    return [item.name for item in email_keys(inspector.once(read_objects, "customers"))]


def _keys_to_tenants(inspector: Inspector) -> list[str]:
    """Return the keys by which companies refer to tenants: another check finds who lacks one."""
    objects = inspector.once(read_objects, "companies")
    return [item.name for item in objects if item.reference and item.target == "tenants"]
