"""What the legacy tables called their constraints, and what those said, drift included."""

import re
from dataclasses import dataclass
from typing import Any

from contacts.restructuring.state.expected import email_keys, target_models
from contacts.restructuring.state.legacy_objects import remembered, wanted_objects
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import TableObject, Type, model_objects

EMAIL_KEY = "uq_contact_email_per_company"
ORDER_KEY = "fk_orders_contact"
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class LegacyNames:
    """The legacy names that errors are told in.

    ``constraints`` maps the present names, those that a write to contacts may break, to the legacy
    ones; ``restricted`` has the words that its constraints and unique indexes say, columns among
    them. ``email_key`` is None where the legacy table let an e-mail stand twice in a tenant.
    ``on_delete`` is what became of the orders of a deleted customer: REFUSE, CASCADE, or LEAVE.
    """

    constraints: dict[str, str]
    restricted: frozenset[str]
    email_key: str | None
    email_required: bool
    customer_key: str
    tenant_key: str
    company_key: str | None
    on_delete: str


def read_legacy_names(cursor: Any) -> LegacyNames:
    """Return the names that the run which migrated remembered, or else those of the models."""
    record = read_record(cursor)
    customers, orders = wanted_objects(record, "customers"), wanted_objects(record, "orders")
    email_key = next(iter(email_keys(customers)), None)
    customer_key, tenant_key = _key(orders, "customer_id"), _key(orders, "tenant_id")
    company_key = _key(customers, "company_id")
    names = {
        item.name: want.name
        for item in model_objects(target_models()["contacts"])
        for want in customers
        if _same_rule(item, want) and want.name != item.name
    }
    if email_key:
        names[EMAIL_KEY] = email_key.name
    if customer_key:
        names[ORDER_KEY] = customer_key.name
    return LegacyNames(
        names,
        frozenset(
            word
            for item in customers
            if item.type not in (Type.NOTHING, Type.NOT_NULL)
            for word in WORD.findall(item.definition)
        ),
        email_key.name if email_key else None,
        remembered(record, "customers")["not_null"].get("email", True),
        customer_key.name if customer_key else "orders_customer_id_fkey",
        tenant_key.name if tenant_key else "orders_tenant_id_fkey",
        company_key.name if company_key and _refuses(company_key) else None,
        _on_delete(customer_key),
    )


def _same_rule(item: TableObject, want: TableObject) -> bool:
    if item.type is Type.FOREIGN_KEY:
        return (item.type, item.columns) == (want.type, want.columns)
    return item.kind == "constraint" and item.twin_of(want)


def _key(objects: list[TableObject], column: str) -> TableObject | None:
    wanted = (Type.FOREIGN_KEY, (column,))
    return next((item for item in objects if (item.type, item.columns) == wanted), None)


def _refuses(key: TableObject) -> bool:
    return "ON DELETE" not in key.definition or "ON DELETE RESTRICT" in key.definition


def _on_delete(key: TableObject | None) -> str:
    if key is None or "ON DELETE SET" in key.definition:
        return "LEAVE"
    return "REFUSE" if _refuses(key) else "CASCADE"
