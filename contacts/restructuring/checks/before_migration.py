"""The checks before the restructuring: first the seven that were asked for, in their order."""

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks.base import (
    Check,
    Finding,
    Found,
    Severity,
    Tag,
    check,
    rows,
    tagged,
)
from contacts.restructuring.checks.environment import server
from contacts.restructuring.checks.environment.alembic import stamp_check
from contacts.restructuring.checks.environment.publications import CHANGES_CHECK
from contacts.restructuring.checks.tables import legacy_tables
from contacts.restructuring.checks.tables.made_objects import made_objects
from contacts.restructuring.checks.tables.placed_rows import placed_rows
from contacts.restructuring.checks.tables.replaced_keys import replaced_keys
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage
from jmsk.wording import counted, inflected


@check(
    "Customers table exists",
    "Point DATABASE_URL at the legacy database; its search_path must lead to the tables.",
)
def customers_table(inspector: Inspector) -> Found:
    layout = inspector.layout
    if layout.stage is Stage.LEGACY:
        return Finding(note=f"customers table found in schema {layout.schema}")
    seen = ", ".join(sorted(layout.tables)) or "none of the tables"
    return [f"The database is {layout.stage}: found {seen}", *layout.oddities]


@check("Count of customers to migrate")
def customer_count(inspector: Inspector) -> Found:
    found = inspector.value("SELECT count(*) FROM customers")
    return Finding(note=f"Found {counted(found, 'customer')}")


@check(
    "Orphaned customers (without company_id)",
    f"Nothing to do: they are placed in their tenant's {DEFAULT_COMPANY}; the admin lists them "
    "afterwards.",
    Severity.WARNING,
)
def orphaned_customers(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT id, tenant_id, name FROM customers WHERE company_id IS NULL",
        "Customer {id} (tenant {tenant_id}) has no company",
        lambda count: f"{counted(count, 'customer')} without a company",
        value="{name}",
    )


@check("Valid tenant_id for all customers", "Give these rows the id of a tenant, or delete them.")
def valid_tenants(inspector: Inspector) -> Found:
    query = " UNION ALL ".join(
        f"SELECT id, '{table}' AS table_name, tenant_id FROM {table} AS t "
        "WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE tenants.id = t.tenant_id)"
        for table in ("customers", "companies", "orders")
    )
    return rows(
        inspector, query, "Row {id} of {table_name} has tenant {tenant_id}, which is not there"
    )


@check("Orders linked to customers")
def linked_orders(inspector: Inspector) -> Found:
    linked, orders = inspector.row("SELECT count(customer_id), count(*) FROM orders")
    rest = inflected(orders - linked, "goes to its", "go to their")
    return Finding(
        note=f"{linked:,} of {counted(orders, 'order')} linked to a customer; {rest} tenant's "
        f"{DEFAULT_COMPANY}, without a contact"
    )


@check(
    "Order-customer relationship integrity",
    "Link these orders to a customer of their own tenant, or set customer_id to NULL.",
)
def order_customers(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT o.id, o.tenant_id, o.customer_id, "
        "coalesce('tenant ' || c.tenant_id::text, 'missing') AS customer "
        "FROM orders o LEFT JOIN customers c ON c.id = o.customer_id "
        "WHERE o.customer_id IS NOT NULL AND c.tenant_id IS DISTINCT FROM o.tenant_id",
        "Order {id} (tenant {tenant_id}) has customer {customer_id} ({customer})",
    )


@check(
    "Duplicate emails within companies",
    "Nothing to do: the contact with the lowest id keeps the e-mail, the others' is set aside "
    "and can be settled in the admin.",
    Severity.WARNING,
)
def duplicate_emails(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT min(c.id) AS id, c.tenant_id, coalesce(c.company_id, d.id) AS company_id, "
        "c.email, count(*) AS contacts FROM customers c LEFT JOIN companies d "
        f"ON d.tenant_id = c.tenant_id AND d.name = '{DEFAULT_COMPANY}' "
        "WHERE c.email IS NOT NULL "
        "GROUP BY c.tenant_id, coalesce(c.company_id, d.id), c.email HAVING count(*) > 1",
        "Customer {id} keeps its e-mail; {contacts} customers of tenant {tenant_id} share it in "
        "one company",
        lambda count: f"{counted(count, 'e-mail')} used more than once within a company",
        value="{email}",
    )


@check(
    "Customers belong to companies of their own tenant",
    "Give these customers a company of their own tenant, or set company_id to NULL.",
)
def company_tenants(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT c.id, c.tenant_id, c.company_id, "
        "coalesce('tenant ' || o.tenant_id::text, 'missing') AS company "
        "FROM customers c LEFT JOIN companies o ON o.id = c.company_id "
        "WHERE c.company_id IS NOT NULL AND o.tenant_id IS DISTINCT FROM c.tenant_id",
        "Customer {id} (tenant {tenant_id}) has company {company_id} ({company})",
    )


GUIDE = tagged(
    Tag.GUIDE,
    customers_table,
    customer_count,
    orphaned_customers,
    valid_tenants,
    linked_orders,
    order_customers,
    duplicate_emails,
)
CHECKS_BEFORE = (
    *GUIDE,
    company_tenants,
    *legacy_tables.CHECKS,
    replaced_keys,
    placed_rows,
    made_objects,
    CHANGES_CHECK,
    *server.CHECKS,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""


def checks_for(stage: Stage, alembic_stamp: str = "") -> tuple[Check, ...]:
    """Return the checks that make sense at ``stage``: on other tables only the first does.

    Where Alembic's record is to be stamped, one of them is whether it can be.
    """
    if stage is not Stage.LEGACY:
        return (customers_table,)
    if not alembic_stamp:
        return CHECKS_BEFORE
    stamping = stamp_check(alembic_stamp)
    return tuple(stamping if Tag.ALEMBIC in check.tags else check for check in CHECKS_BEFORE)
