"""The checks before a rollback: what the old world cannot hold, and what lives on in the backup."""

from contacts.created_companies import going_companies
from contacts.meaning import EMAIL
from contacts.restructuring.checks import (
    added_constraints,
    alembic,
    dependents,
    free_names,
    legacy_constraints,
    publications,
    replaced_keys,
    whole_rows,
)
from contacts.restructuring.checks.base import Check, Finding, Severity, Tag, problems, rows, tagged
from contacts.restructuring.checks.environment import SESSIONS, WRITABLE
from contacts.restructuring.checks.legacy_tables import relatives
from contacts.restructuring.checks.privileges import REFERRING_TO_CREATED, RIGHTS
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    present_objects,
    wanted_objects,
)
from contacts.restructuring.state.record import read_record

NEEDED = {
    "companies": ("id", "tenant_id", "name", *ADDED["companies"]),
    "contacts": ("id", "tenant_id", "email", "company_id", *ADDED["contacts"]),
    "orders": ("id", "tenant_id", "contact_id", "customer_name", *ADDED["orders"]),
    "addresses": ("id", "company_id", "city"),
}
"""The columns by which the way back finds out what to do and what to tell."""


def columns(inspector: Inspector) -> Finding:
    return problems(
        f"{table} has no column {name}"
        for table, names in NEEDED.items()
        for name in names
        if name not in inspector.layout.tables[table].column_names
    )


def ordinary_tables(inspector: Inspector) -> Finding:
    """Whether columns that go would go from other tables as well, or rows change there."""
    return problems(relatives(inspector, inspector.oids(NEEDED)))


def sequences(inspector: Inspector) -> Finding:
    """Whether columns have the sequences that are to get their legacy names again."""
    return problems(
        f"{now_called(table)}.{want.definition} has no sequence of its own; it had {want.name}"
        for table in TABLES
        for want in wanted_objects(inspector.cursor, table)
        if want.kind == "sequence"
        and not any(item.twin_of(want) for item in present_objects(inspector.cursor, table))
    )


def contacts_without_email(inspector: Inspector) -> Finding:
    remembered = read_record(inspector.cursor).legacy_objects.get("customers")
    if remembered is not None and not remembered["not_null"]["email"]:
        return Finding(note="the legacy table did without, so none is needed")
    return rows(
        inspector,
        f"SELECT id, tenant_id FROM contacts WHERE {EMAIL} IS NULL",
        "Contact {id} (tenant {tenant_id}) has no e-mail, which a customer must have",
    )


def orders_without_contact(inspector: Inspector) -> Finding:
    remembered = read_record(inspector.cursor).legacy_objects.get("orders")
    if remembered is None or not remembered["not_null"]["customer_id"]:
        return Finding(note="the legacy table did without, so none is needed")
    return rows(
        inspector,
        "SELECT id, tenant_id FROM orders WHERE contact_id IS NULL",
        "Order {id} (tenant {tenant_id}) has no contact, and had to have a customer",
    )


NAMELESS = (
    "SELECT o.id, o.tenant_id, o.contact_id FROM orders o LEFT JOIN contacts c "
    "ON c.id = o.contact_id WHERE o.customer_name IS NULL AND c.name IS {} NULL"
)


def orders_without_name(inspector: Inspector) -> Finding:
    """Orders that name neither a customer nor a contact."""
    if not read_record(inspector.cursor).names_customers:
        return Finding(note="the legacy table did without, so none is needed")
    return rows(
        inspector,
        NAMELESS.format(""),
        "Order {id} (tenant {tenant_id}) has neither a customer's name nor a contact to take it of",
    )


def named_orders(inspector: Inspector) -> Finding:
    """Orders that take the name of their contact."""
    if not read_record(inspector.cursor).names_customers:
        return Finding()
    return rows(
        inspector,
        NAMELESS.format("NOT"),
        "Order {id} (tenant {tenant_id}) takes the name of its contact {contact_id}",
    )


def addresses(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT id, company_id, city FROM addresses",
        "Address {id} of company {company_id} ({city}) goes",
    )


def created_companies(inspector: Inspector) -> Finding:
    created = read_record(inspector.cursor).created
    if not created:
        return Finding(note="the migration created no company, so none goes")
    going = going_companies(inspector.cursor, created)
    stay = len(created) - len(going)
    ids = ", ".join(map(str, going))
    return rows(
        inspector,
        f"SELECT id, tenant_id FROM companies WHERE id = ANY('{{{ids}}}'::bigint[])",
        "Company {id} (tenant {tenant_id}) goes: nobody has changed it, and nothing needs it",
        lambda count: f"{count} go, {stay} stay: somebody uses or has changed them",
    )


def fax_numbers(inspector: Inspector) -> Finding:
    return rows(
        inspector, "SELECT id FROM companies WHERE fax IS NOT NULL", "The fax of company {id} goes"
    )


def orders_moved_by_hand(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT o.id, o.company_id FROM orders o LEFT JOIN companies d "
        "ON d.tenant_id = o.tenant_id AND d.is_default "
        "WHERE o.contact_id IS NULL AND o.company_id IS DISTINCT FROM d.id",
        "Order {id} has no contact; that it belongs to company {company_id} goes",
    )


def replaced_emails(inspector: Inspector) -> Finding:
    return rows(
        inspector,
        "SELECT id FROM contacts WHERE email IS NOT NULL AND email_set_aside IS NOT NULL",
        "Contact {id} keeps its new e-mail; the one that was set aside goes",
    )


LIVES_ON = (
    "Nothing to do, if you agree: it lives on in the backup that is taken first, unless you said "
    "--skip-backup."
)
CHECKS_BACK = (
    *tagged(
        Tag.WAY_BACK,
        Check(
            "columns",
            "Columns that the way back needs",
            columns,
            "Somebody has dropped or renamed them: give the tables these columns again. What stood "
            "in them may be in the backup.",
        ),
        Check(
            "ordinary_tables",
            "Ordinary tables",
            ordinary_tables,
            "Take these tables out of the inheritance: what goes would go from them, too.",
        ),
        Check(
            "sequences",
            "Columns have their sequences",
            sequences,
            "Give the column a sequence again: CREATE SEQUENCE with OWNED BY, behind the highest "
            "id.",
        ),
    ),
    legacy_constraints.UNIQUE_EMAILS,
    Check(
        "every_contact_has_email",
        "Every contact has an e-mail",
        contacts_without_email,
        "Give these contacts an e-mail, or delete them.",
    ),
    Check(
        "every_order_has_contact",
        "Every order has a contact, if it had to have a customer",
        orders_without_contact,
        "Link these orders to contacts, or delete them.",
    ),
    Check(
        "every_order_has_name",
        "Every order names its customer",
        orders_without_name,
        "Give these orders a customer_name or a contact, or delete them.",
    ),
    *tagged(
        Tag.WAY_BACK,
        dependents.CHECK_BACK,
        free_names.CHECK_BACK,
        replaced_keys.CHECK_BACK,
        legacy_constraints.CHECK,
        added_constraints.CHECK,
        publications.CHANGES_CHECK_BACK,
        alembic.CHECK_BACK,
    ),
    RIGHTS,
    REFERRING_TO_CREATED,
    WRITABLE,
    whole_rows.CHECK_BACK,
    Check(
        "created_companies",
        "Companies that go",
        created_companies,
        "Nothing to do: the migration created them to place contacts and orders there. One in "
        "which a column is changed stays.",
        Severity.WARNING,
    ),
    Check(
        "named_orders",
        "Orders that take the name of their contact",
        named_orders,
        "Nothing to do, if you agree: the legacy schema wants a name on every order.",
        Severity.WARNING,
    ),
    Check("addresses", "Addresses that go", addresses, LIVES_ON, Severity.WARNING),
    Check("fax_numbers", "Fax numbers that go", fax_numbers, LIVES_ON, Severity.WARNING),
    Check(
        "orders_moved_by_hand",
        "Orders whose company was changed by hand",
        orders_moved_by_hand,
        LIVES_ON,
        Severity.WARNING,
    ),
    Check(
        "replaced_emails",
        "E-mails that replaced one set aside",
        replaced_emails,
        LIVES_ON,
        Severity.WARNING,
    ),
    SESSIONS,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""
