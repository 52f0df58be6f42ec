"""What the legacy schema cannot hold and a rollback takes away, and what it fills in."""

from contacts.created_companies import going_companies
from contacts.restructuring.checks.base import Finding, Found, Severity, check, rows
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.record import read_record
from jmsk.wording import inflected

NAMELESS = (
    "SELECT o.id, o.tenant_id, o.contact_id FROM orders o LEFT JOIN contacts c "
    "ON c.id = o.contact_id WHERE o.customer_name IS NULL AND c.name IS {} NULL"
)


LIVES_ON = (
    "Nothing to do, if you agree: it lives on in the backup that is taken first, unless you said "
    "--skip-backup."
)


@check(
    "No company goes",
    "Nothing to do: the migration created them to place contacts and orders there. One in "
    "which a column is changed stays.",
    Severity.WARNING,
)
def created_companies(inspector: Inspector) -> Found:
    created = inspector.once(read_record).created
    if not created:
        return Finding(note="the migration created no company, so none goes")
    going = going_companies(inspector.cursor, created)
    stay = len(created) - len(going)
    ids = ", ".join(map(str, going))
    return rows(
        inspector,
        f"SELECT id, tenant_id FROM companies WHERE id = ANY('{{{ids}}}'::bigint[])",
        "Company {id} (tenant {tenant_id}) goes: nobody has changed it, and nothing needs it",
        lambda count: f"{inflected(count, 'company goes', 'companies go')}{_staying(stay)}",
    )


def _staying(number: int) -> str:
    told = f"; {inflected(number, 'stays', 'stay')}, which somebody uses or has changed"
    return told if number else ""


def names_customers(inspector: Inspector) -> bool:
    """Whether each order has to name its customer again, and has a place for the name."""
    there = "customer_name" in inspector.layout.tables["orders"].column_names
    return there and inspector.once(read_record).names_customers


@check(
    "Orders keep the name they have",
    "Nothing to do, if you agree: the legacy schema wants a name on every order.",
    Severity.WARNING,
)
def named_orders(inspector: Inspector) -> Found:
    if not names_customers(inspector):
        return Finding()
    return rows(
        inspector,
        NAMELESS.format("NOT"),
        "Order {id} (tenant {tenant_id}) takes the name of its contact {contact_id}",
    )


@check("No address goes", LIVES_ON, Severity.WARNING)
def addresses(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT id, company_id, city FROM addresses",
        "Address {id} of company {company_id} ({city}) goes",
    )


@check("No fax number goes", LIVES_ON, Severity.WARNING)
def fax_numbers(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT id, fax FROM companies WHERE fax IS NOT NULL",
        "The fax of company {id} goes",
        value="{fax}",
    )


@check("No order's company was changed by hand", LIVES_ON, Severity.WARNING)
def orders_moved_by_hand(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT o.id, o.company_id FROM orders o LEFT JOIN companies d "
        "ON d.tenant_id = o.tenant_id AND d.is_default "
        "WHERE o.contact_id IS NULL AND o.company_id IS DISTINCT FROM d.id",
        "Order {id} has no contact; that it belongs to company {company_id} goes",
    )


@check("No e-mail has replaced one set aside", LIVES_ON, Severity.WARNING)
def replaced_emails(inspector: Inspector) -> Found:
    return rows(
        inspector,
        "SELECT id, email_set_aside FROM contacts "
        "WHERE email IS NOT NULL AND email_set_aside IS NOT NULL",
        "Contact {id} keeps its new e-mail; the one that was set aside goes",
        value="{email_set_aside}",
    )


CHECKS = (
    created_companies,
    named_orders,
    addresses,
    fax_numbers,
    orders_moved_by_hand,
    replaced_emails,
)
