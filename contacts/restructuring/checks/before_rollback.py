"""The checks before a rollback: what the old world cannot hold, and what lives on in the backup."""

from collections.abc import Iterator

from contacts.meaning import EMAIL
from contacts.placeholders import going_placeholders
from contacts.restructuring.checks.base import Finding, Found, Tag, check, rows, tagged
from contacts.restructuring.checks.environment.alembic import alembic_record
from contacts.restructuring.checks.environment.dependents import dependents_back
from contacts.restructuring.checks.environment.privileges import referring_to_created, rights
from contacts.restructuring.checks.environment.publications import CHANGES_CHECK_BACK
from contacts.restructuring.checks.environment.server import sessions, writable
from contacts.restructuring.checks.tables import lost_values
from contacts.restructuring.checks.tables.added_constraints import added_constraints
from contacts.restructuring.checks.tables.free_names import legacy_names
from contacts.restructuring.checks.tables.legacy_constraints import (
    legacy_constraints,
    unique_emails,
)
from contacts.restructuring.checks.tables.legacy_tables import relatives
from contacts.restructuring.checks.tables.replaced_keys import replaced_keys_back
from contacts.restructuring.checks.tables.whole_rows import WHOLE_ROWS_BACK
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.legacy_objects import (
    TABLES,
    now_called,
    wanted_and_present,
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


@check(
    "Columns that the way back needs",
    "Somebody has dropped or renamed them: give the tables these columns again. What stood in them "
    "may be in the backup.",
)
def columns(inspector: Inspector) -> Iterator[str]:
    tables = inspector.layout.tables
    for table, names in NEEDED.items():
        for name in names:
            if name not in tables[table].column_names:
                yield f"{table} has no column {name}"
    if gone := snapshot_gone(tables["orders"].column_names):
        yield gone


@check(
    "Ordinary tables",
    "Take these tables out of the inheritance: what goes would go from them, too.",
)
def ordinary_tables(inspector: Inspector) -> Found:
    """Whether columns that go would go from other tables as well, or rows change there."""
    return relatives(inspector, inspector.oids(NEEDED))


@check(
    "Columns have their sequences",
    "Give the column a sequence again: CREATE SEQUENCE with OWNED BY, behind the highest id.",
)
def sequences(inspector: Inspector) -> Found:
    """Whether columns have the sequences that are to get their legacy names again."""
    return (
        f"{now_called(table)}.{want.definition} has no sequence of its own; it had {want.name}"
        for table in TABLES
        for wanted, present in [wanted_and_present(inspector, table)]
        for want in wanted
        if want.kind == "sequence" and not any(item.twin_of(want) for item in present)
    )


@check("Every contact has an e-mail", "Give these contacts an e-mail, or delete them.")
def every_contact_has_email(inspector: Inspector) -> Found:
    record = inspector.once(read_record)
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


@check(
    "Every order has a contact, if it had to have a customer",
    "Link these orders to contacts, or delete them.",
)
def every_order_has_contact(inspector: Inspector) -> Found:
    remembered = inspector.once(read_record).legacy_objects.get("orders")
    if remembered is None or not remembered["not_null"]["customer_id"]:
        return Finding(note="the legacy table did without, so none is needed")
    return rows(
        inspector,
        "SELECT id, tenant_id FROM orders WHERE contact_id IS NULL",
        "Order {id} (tenant {tenant_id}) has no contact, and had to have a customer",
    )


@check(
    "Every order names its customer",
    "Give these orders a customer_name or a contact, or delete them.",
)
def every_order_has_name(inspector: Inspector) -> Found:
    """Orders that name neither a customer nor a contact."""
    if not lost_values.names_customers(inspector):
        return Finding(note="the table does without, so none is needed")
    return rows(
        inspector,
        lost_values.NAMELESS.format(""),
        "Order {id} (tenant {tenant_id}) has neither a customer's name nor a contact to take it of",
    )


CHECKS_BACK = (
    *tagged(Tag.WAY_BACK, columns, ordinary_tables, sequences),
    unique_emails,
    every_contact_has_email,
    every_order_has_contact,
    every_order_has_name,
    *tagged(
        Tag.WAY_BACK,
        dependents_back,
        legacy_names,
        replaced_keys_back,
        legacy_constraints,
        added_constraints,
        CHANGES_CHECK_BACK,
        alembic_record,
    ),
    rights,
    referring_to_created,
    writable,
    WHOLE_ROWS_BACK,
    *lost_values.CHECKS,
    sessions,
)
"""In the order in which they run. A test fails until each has a case that breaks it."""
