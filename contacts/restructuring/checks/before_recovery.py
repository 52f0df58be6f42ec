"""The checks before a recovery: whether somebody has worked with the wreck."""

from contacts.created_companies import OWN_REFERENCES
from contacts.restructuring.checks.base import Check, Finding, Tag, problems, rows, tagged
from contacts.restructuring.checks.environment import django_project
from contacts.restructuring.checks.environment.privileges import RIGHTS
from contacts.restructuring.checks.environment.server import WRITABLE
from contacts.restructuring.checks.tables import legacy_constraints
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.wreck import examine
from jmsk.postgres.references import referred_rows


def addresses(inspector: Inspector) -> Finding:
    return rows(inspector, "SELECT id, company_id FROM addresses", "Address {id} would be lost")


def fax_numbers(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT id FROM companies WHERE fax IS NOT NULL OR default_address_id IS NOT NULL",
        "The fax or default address of company {id} would be lost",
    )


def moved_orders(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT o.id, o.company_id FROM orders o LEFT JOIN contacts c ON c.id = o.customer_id "
        "WHERE o.company_id IS DISTINCT FROM c.company_id AND o.company_id IS NOT NULL",
        "That order {id} belongs to company {company_id} would be lost: its customer does not",
    )


def references(inspector: Inspector) -> Finding:
    """Other programs' rows that refer to a company which is to go, whatever their key then does."""
    made = examine(inspector.cursor).companies
    found = referred_rows(inspector.cursor, "companies", made, OWN_REFERENCES)
    return problems(f"Rows of another table refer to company {company}" for company in found)


WORKED_WITH = tagged(
    Tag.WRECK,
    Check(
        "addresses",
        "No address was entered",
        addresses,
        "Somebody has worked with this state: save these rows elsewhere and delete them first.",
    ),
    Check(
        "fax_numbers",
        "No fax number or default address was entered",
        fax_numbers,
        "Somebody has worked with this state: save these values elsewhere, then set them NULL.",
    ),
    Check(
        "moved_orders",
        "Orders follow their customers",
        moved_orders,
        "Somebody has worked with this state: set company_id to NULL where it may be lost.",
    ),
    Check(
        "references",
        "Nothing refers to the default companies that it made",
        references,
        "Somebody has worked with this state: let these rows refer to another company.",
    ),
    legacy_constraints.UNIQUE_EMAILS_IN_WRECK,
)
CHECKS = (
    *WORKED_WITH,
    RIGHTS,
    WRITABLE,
    django_project.CHECK,
)
