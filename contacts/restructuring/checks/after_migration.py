"""The checks after the restructuring: first the ten that were asked for, in their order.

They run inside the transaction, before COMMIT, and again for ``--verify-only``.
"""

from functools import partial

from contacts.restructuring.checks import format_rules
from contacts.restructuring.checks.base import Check, Finding, Tag, problems, rows, tagged
from contacts.restructuring.checks.environment import (
    address_rights,
    bridge,
    row_security,
    tenant_limits,
    triggers,
)
from contacts.restructuring.checks.tables import target_rules
from contacts.restructuring.checks.tables.target_objects import RESTRUCTURED, missing_objects
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import target_names
from jmsk.wording import counted


def table_is_there(inspector: Inspector, table: str) -> Finding:
    if table in inspector.layout.tables:
        return Finding(note=f"{table} table found")
    return problems([f"There is no table {table} in schema {inspector.layout.schema}"])


def customers_gone(inspector: Inspector) -> Finding:
    if "customers" not in inspector.layout.tables:
        return Finding(note="there is no customers table any more")
    return problems(["There is still a table customers"])


def contact_count(inspector: Inspector) -> Finding:
    found = inspector.value("SELECT count(*) FROM contacts")
    return Finding(note=f"Found {counted(found, 'contact')}")


def contacts_have_companies(inspector: Inspector) -> Finding:
    if _column(inspector, "contacts", "company_id") is not True:
        return problems(["contacts.company_id may be NULL"])
    return rows(
        inspector,
        "SELECT id, tenant_id FROM contacts WHERE company_id IS NULL",
        "Contact {id} (tenant {tenant_id}) has no company",
    )


def orders_have_column(inspector: Inspector, column: str, not_null: bool) -> Finding:
    held = _column(inspector, "orders", column)
    if held is None:
        return problems([f"orders has no column {column}"])
    return problems([f"orders.{column} may be NULL"] if not_null and not held else [])


def consistent_orders(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT o.id, o.tenant_id, o.company_id, o.contact_id, c.company_id AS contact_company, "
        "c.tenant_id AS contact_tenant FROM orders o JOIN contacts c ON c.id = o.contact_id "
        "WHERE (o.company_id, o.tenant_id) IS DISTINCT FROM (c.company_id, c.tenant_id)",
        "Order {id} (tenant {tenant_id}) belongs to company {company_id}, its contact "
        "{contact_id} (tenant {contact_tenant}) to company {contact_company}",
    )


def required_indexes(inspector: Inspector) -> Finding:
    return problems(told for item, told in missing_objects(inspector) if not item.reference)


def foreign_keys(inspector: Inspector) -> Finding:
    return problems(told for item, told in missing_objects(inspector) if item.reference)


def consistent_tenants(inspector: Inspector) -> Finding:
    query = " UNION ALL ".join(
        f"SELECT t.id, '{table}' AS table_name, t.tenant_id, t.company_id, "
        f"c.tenant_id AS company_tenant FROM {table} t JOIN companies c ON c.id = t.company_id "
        "WHERE c.tenant_id <> t.tenant_id"
        for table in ("contacts", "orders", "addresses")
    )
    return rows(
        inspector,
        query,
        "Row {id} of {table_name} (tenant {tenant_id}) belongs to company {company_id} "
        "(tenant {company_tenant})",
    )


def default_addresses(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT c.id, coalesce(c.default_address_id::text, 'none') AS pointed, "
        "coalesce(a.id::text, 'none') AS marked FROM companies c "
        "LEFT JOIN addresses a ON a.company_id = c.id AND a.is_default "
        "WHERE c.default_address_id IS DISTINCT FROM a.id",
        "Company {id} points to default address {pointed}, marked is {marked}",
    )


def leftovers(inspector: Inspector) -> Finding:
    """What the target names and the server does not vouch for. What others added is theirs."""
    wanted = {"tables": inspector.oids(RESTRUCTURED), "names": target_names()}
    constraints = inspector.rows(
        "SELECT conname, conrelid::regclass FROM pg_constraint WHERE NOT convalidated "
        "AND conrelid = ANY(%(tables)s::oid[]) AND conname = ANY(%(names)s)",
        wanted,
    )
    indexes = inspector.rows(
        "SELECT c.relname, i.indrelid::regclass FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid "
        "AND i.indrelid = ANY(%(tables)s::oid[]) AND c.relname = ANY(%(names)s)",
        wanted,
    )
    return problems(
        [f"Constraint {name} on {table} is NOT VALID" for name, table in constraints]
        + [f"Index {name} on {table} is invalid" for name, table in indexes]
    )


def _column(inspector: Inspector, table: str, name: str) -> bool | None:
    """Return whether the column is NOT NULL, or None if there is no such column."""
    columns = {column.name: column for column in inspector.layout.tables[table].columns}
    return columns[name].not_null if name in columns else None


CATALOGUE = frozenset({Tag.CATALOGUE})
GUIDE = tagged(
    Tag.GUIDE,
    Check(
        "contacts_table",
        "Contacts table exists",
        partial(table_is_there, table="contacts"),
        tags=CATALOGUE,
    ),
    Check("customers_gone", "Customers table was renamed", customers_gone, tags=CATALOGUE),
    Check("contact_count", "Count of contacts after migration", contact_count),
    Check(
        "contacts_have_companies",
        "All contacts have company_id (NOT NULL)",
        contacts_have_companies,
    ),
    Check(
        "orders_contact_id",
        "Orders have contact_id column",
        partial(orders_have_column, column="contact_id", not_null=False),
        tags=CATALOGUE,
    ),
    Check(
        "orders_company_id",
        "Orders have company_id column",
        partial(orders_have_column, column="company_id", not_null=True),
        tags=CATALOGUE,
    ),
    Check("consistent_orders", "Order-contact-company consistency", consistent_orders),
    Check(
        "addresses_table",
        "Addresses table exists",
        partial(table_is_there, table="addresses"),
        tags=CATALOGUE,
    ),
    Check("required_indexes", "Required indexes created", required_indexes, tags=CATALOGUE),
    Check("foreign_keys", "Foreign key constraints verified", foreign_keys),
)
CHECKS_AFTER = (
    *GUIDE,
    Check(
        "consistent_tenants",
        "Companies belong to the tenant of what belongs to them",
        consistent_tenants,
    ),
    Check("default_addresses", "Default addresses are in step", default_addresses),
    triggers.CHECK,
    row_security.APPLYING_POLICIES,
    row_security.ADDRESS_POLICY,
    address_rights.CHECK,
    tenant_limits.CHECK,
    target_rules.CHANGED,
    bridge.WHOLE,
    Check("leftovers", "No invalid constraint or index is left", leftovers),
    *format_rules.CHECKS_AFTER,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""
