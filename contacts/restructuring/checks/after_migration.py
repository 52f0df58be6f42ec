"""The checks after the restructuring: first the ten that were asked for, in their order.

They run inside the transaction, before COMMIT, and again for ``--verify-only``.
"""

from contacts.restructuring.checks import format_rules
from contacts.restructuring.checks.base import Finding, Found, Tag, check, problems, rows, tagged
from contacts.restructuring.checks.environment import bridge
from contacts.restructuring.checks.environment.address_rights import address_rights
from contacts.restructuring.checks.environment.row_security import address_policy, applying_policies
from contacts.restructuring.checks.environment.tenant_limits import tenant_limits
from contacts.restructuring.checks.environment.triggers import sound_triggers
from contacts.restructuring.checks.tables.target_columns import RESTRUCTURED, added_columns
from contacts.restructuring.checks.tables.target_objects import missing_objects
from contacts.restructuring.checks.tables.target_rules import rules_as_made
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import target_names
from jmsk.wording import counted

CATALOGUE = (Tag.CATALOGUE,)


@check("Contacts table exists", tags=CATALOGUE)
def contacts_table(inspector: Inspector) -> Found:
    return _is_there(inspector, "contacts")


@check("Customers table was renamed", tags=CATALOGUE)
def customers_gone(inspector: Inspector) -> Found:
    if "customers" not in inspector.layout.tables:
        return Finding(note="there is no customers table any more")
    return ["There is still a table customers"]


@check("Count of contacts after migration")
def contact_count(inspector: Inspector) -> Found:
    found = inspector.value("SELECT count(*) FROM contacts")
    return Finding(note=f"Found {counted(found, 'contact')}")


@check("All contacts have company_id (NOT NULL)")
def contacts_have_companies(inspector: Inspector) -> Found:
    column = inspector.layout.tables["contacts"].by_name.get("company_id")
    if column is None or not column.not_null:
        return ["contacts.company_id may be NULL"]
    return rows(
        inspector,
        "SELECT id, tenant_id, name FROM contacts WHERE company_id IS NULL",
        "Contact {id} (tenant {tenant_id}) has no company",
        value="{name}",
    )


@check("Orders have contact_id column", tags=CATALOGUE)
def orders_contact_id(inspector: Inspector) -> Found:
    there = "contact_id" in inspector.layout.tables["orders"].by_name
    return [] if there else ["orders has no column contact_id"]


@check("Orders have company_id column", tags=CATALOGUE)
def orders_company_id(inspector: Inspector) -> Found:
    column = inspector.layout.tables["orders"].by_name.get("company_id")
    if column is None:
        return ["orders has no column company_id"]
    return [] if column.not_null else ["orders.company_id may be NULL"]


@check("Order-contact-company consistency")
def consistent_orders(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT o.id, o.tenant_id, o.company_id, o.contact_id, c.company_id AS contact_company, "
        "c.tenant_id AS contact_tenant FROM orders o JOIN contacts c ON c.id = o.contact_id "
        "WHERE (o.company_id, o.tenant_id) IS DISTINCT FROM (c.company_id, c.tenant_id)",
        "Order {id} (tenant {tenant_id}) belongs to company {company_id}, its contact "
        "{contact_id} (tenant {contact_tenant}) to company {contact_company}",
    )


@check("Addresses table exists", tags=CATALOGUE)
def addresses_table(inspector: Inspector) -> Found:
    return _is_there(inspector, "addresses")


@check("Required indexes created", tags=CATALOGUE)
def required_indexes(inspector: Inspector) -> Found:
    return (told for item, told in missing_objects(inspector) if not item.reference)


@check("Foreign key constraints verified")
def foreign_keys(inspector: Inspector) -> Found:
    return (told for item, told in missing_objects(inspector) if item.reference)


@check("Companies belong to the tenant of what belongs to them")
def consistent_tenants(inspector: Inspector) -> Found:
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


@check("Default addresses are in step")
def default_addresses(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT c.id, coalesce(c.default_address_id::text, 'none') AS pointed, "
        "coalesce(a.id::text, 'none') AS marked FROM companies c "
        "LEFT JOIN addresses a ON a.company_id = c.id AND a.is_default "
        "WHERE c.default_address_id IS DISTINCT FROM a.id",
        "Company {id} points to default address {pointed}, marked is {marked}",
    )


@check("No invalid constraint or index is left")
def leftovers(inspector: Inspector) -> Found:
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
    return [f"Constraint {name} on {table} is NOT VALID" for name, table in constraints] + [
        f"Index {name} on {table} is invalid" for name, table in indexes
    ]


def _is_there(inspector: Inspector, table: str) -> Finding:
    if table in inspector.layout.tables:
        return Finding(note=f"{table} table found")
    return problems([f"There is no table {table} in schema {inspector.layout.schema}"])


GUIDE = tagged(
    Tag.GUIDE,
    contacts_table,
    customers_gone,
    contact_count,
    contacts_have_companies,
    orders_contact_id,
    orders_company_id,
    consistent_orders,
    addresses_table,
    required_indexes,
    foreign_keys,
)
CHECKS_AFTER = (
    *GUIDE,
    consistent_tenants,
    default_addresses,
    added_columns,
    sound_triggers,
    applying_policies,
    address_policy,
    address_rights,
    tenant_limits,
    rules_as_made,
    bridge.WHOLE,
    leftovers,
    *format_rules.CHECKS_AFTER,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""
