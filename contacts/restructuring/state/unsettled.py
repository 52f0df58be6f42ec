"""What a person still has to settle in a migrated database: rows in default companies."""

from dataclasses import dataclass
from typing import Any

from contacts.meaning import STILL_PLACED
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import MIGRATED_NAMES

STILL_THERE = f"""
    SELECT t.id, t.name,
           (SELECT count(*) FROM contacts WHERE company_id = c.id AND {STILL_PLACED}),
           (SELECT count(*) FROM orders WHERE company_id = c.id AND contact_id IS NULL)
      FROM companies c
      JOIN tenants t ON t.id = c.tenant_id
     WHERE c.is_default
     ORDER BY t.id
"""
EMAILS = "SELECT count(email_set_aside) FROM contacts WHERE email IS NULL"
LOOSE = "SELECT count(*) FROM orders WHERE contact_id IS NULL"


@dataclass(frozen=True)
class DefaultCompany:
    """The default company of a tenant, and how many contacts and orders were placed there.

    ``created`` says whether the restructuring made it; None: that is not known any more.
    """

    tenant_id: int
    tenant: str
    contacts: int
    orders: int
    created: bool | None = None


def still_there(inspector: Inspector) -> tuple[DefaultCompany, ...]:
    """Return the default companies with the contacts and orders that nobody has moved yet."""
    return tuple(DefaultCompany(*row) for row in inspector.rows(STILL_THERE))


def count_rows(inspector: Inspector) -> dict[str, Any]:
    """Count the rows of a migrated database, and those that are left to settle."""
    return {
        **inspector.counts(MIGRATED_NAMES),
        "contacts_placed": sum(company.contacts for company in still_there(inspector)),
        "emails_set_aside": inspector.value(EMAILS),
        "orders_without_contact": inspector.value(LOOSE),
    }


LEFT = f"""
    SELECT t.id, t.name, coalesce(c.placed, 0), coalesce(o.loose, 0), coalesce(c.emails, 0)
      FROM tenants t
      LEFT JOIN (SELECT tenant_id, count(*) FILTER (WHERE {STILL_PLACED}) AS placed,
                        count(email_set_aside) FILTER (WHERE email IS NULL) AS emails
                   FROM contacts GROUP BY tenant_id) c ON c.tenant_id = t.id
      LEFT JOIN (SELECT tenant_id, count(*) AS loose
                   FROM orders WHERE contact_id IS NULL GROUP BY tenant_id) o ON o.tenant_id = t.id
     WHERE c.placed > 0 OR c.emails > 0 OR o.loose > 0
     ORDER BY t.id
"""


@dataclass(frozen=True)
class Left:
    """What is left to settle at a tenant: contacts still placed, orders without one, e-mails."""

    tenant_id: int
    tenant: str
    contacts: int
    orders: int
    emails: int


def left_by_tenant(inspector: Inspector) -> tuple[Left, ...]:
    """Return the tenants at which something is left to settle, with how much."""
    return tuple(Left(*row) for row in inspector.rows(LEFT))
