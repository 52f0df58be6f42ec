"""The checks before a rollback: what the old world cannot hold, and what lives on in the backup."""

from contacts.meaning import EMAIL
from contacts.placeholders import going_placeholders
from contacts.restructuring.checks.base import Check, Finding, Tag, problems, rows, tagged
from contacts.restructuring.checks.environment import alembic, dependents, publications
from contacts.restructuring.checks.environment.privileges import REFERRING_TO_CREATED, RIGHTS
from contacts.restructuring.checks.environment.server import SESSIONS, WRITABLE
from contacts.restructuring.checks.tables import (
    added_constraints,
    free_names,
    legacy_constraints,
    lost_values,
    replaced_keys,
    whole_rows,
)
from contacts.restructuring.checks.tables.legacy_tables import relatives
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    present_objects,
    wanted_objects,
)
from contacts.restructuring.state.record import read_record
from orders.snapshot import snapshot_gone

NEEDED = {
    "companies": ("id", "tenant_id", "name", *ADDED["companies"]),
    "contacts": ("id", "tenant_id", "email", "company_id", *ADDED["contacts"]),
    "orders": ("id", "tenant_id", "contact_id", *ADDED["orders"]),
    "addresses": ("id", "company_id", "city"),
}
"""The columns by which the way back finds out what to do and what to tell."""


def columns(inspector: Inspector) -> Finding:
    tables = inspector.layout.tables
    gone = snapshot_gone(tables["orders"].column_names)
    return problems(
        [
            f"{table} has no column {name}"
            for table, names in NEEDED.items()
            for name in names
            if name not in tables[table].column_names
        ]
        + ([gone] if gone else [])
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
    record = read_record(inspector.cursor)
    remembered = record.legacy_objects.get("customers")
    if remembered is not None and not remembered["not_null"]["email"]:
        return Finding(note="the legacy table did without, so none is needed")
    going = going_placeholders(inspector.cursor, record.placeholders)
    return rows(
        inspector,
        f"SELECT id, tenant_id FROM contacts WHERE {EMAIL} IS NULL "
        f"AND id <> ALL(ARRAY{going}::integer[])",
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


def orders_without_name(inspector: Inspector) -> Finding:
    """Orders that name neither a customer nor a contact."""
    if not lost_values.names_customers(inspector):
        return Finding(note="the table does without, so none is needed")
    return rows(
        inspector,
        lost_values.NAMELESS.format(""),
        "Order {id} (tenant {tenant_id}) has neither a customer's name nor a contact to take it of",
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
    *lost_values.CHECKS,
    SESSIONS,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""
