"""The checks before a recovery: whether somebody has worked with the wreck."""

from contacts.created_companies import OWN_REFERENCES
from contacts.restructuring.checks.base import Found, Tag, check, rows, tagged
from contacts.restructuring.checks.environment.django_project import django_project
from contacts.restructuring.checks.environment.privileges import rights
from contacts.restructuring.checks.environment.server import writable
from contacts.restructuring.checks.tables.legacy_constraints import unique_emails_in_wreck
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.wreck import examine
from jmsk.postgres.references import referred_rows

WORKED_WITH = "Somebody has worked with this state: "


@check("No address was entered", f"{WORKED_WITH}save these rows elsewhere and delete them first.")
def addresses(inspector: Inspector) -> Found:
    return rows(inspector, "SELECT id, company_id FROM addresses", "Address {id} would be lost")


@check(
    "No fax number or default address was entered",
    f"{WORKED_WITH}save these values elsewhere, then set them NULL.",
)
def fax_numbers(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT id FROM companies WHERE fax IS NOT NULL OR default_address_id IS NOT NULL",
        "The fax or default address of company {id} would be lost",
    )


@check(
    "Orders follow their customers", f"{WORKED_WITH}set company_id to NULL where it may be lost."
)
def moved_orders(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT o.id, o.company_id FROM orders o LEFT JOIN contacts c ON c.id = o.customer_id "
        "WHERE o.company_id IS DISTINCT FROM c.company_id AND o.company_id IS NOT NULL",
        "That order {id} belongs to company {company_id} would be lost: its customer does not",
    )


@check(
    "Nothing refers to the default companies that it made",
    f"{WORKED_WITH}let these rows refer to another company.",
)
def references(inspector: Inspector) -> Found:
    """Other programs' rows that refer to a company which is to go, whatever their key then does."""
    made = examine(inspector.cursor).companies
    found = referred_rows(inspector.cursor, "companies", made, OWN_REFERENCES)
    return (f"Rows of another table refer to company {company}" for company in found)


CHECKS = (
    *tagged(Tag.WRECK, addresses, fax_numbers, moved_orders, references, unique_emails_in_wreck),
    rights,
    writable,
    django_project,
)
