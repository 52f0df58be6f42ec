"""The contacts that stand in for none: a tenant's orders without one share an Unknown contact."""

from collections.abc import Mapping
from typing import Any

from contacts.created_companies import Row, is_as_made, read_defaults, read_made
from contacts.restructuring.failures import ROLLED_BACK, Failure
from jmsk.postgres.queries import column
from jmsk.postgres.references import referred_rows
from jmsk.postgres.sequences import feeding_sequences, free_values, restart
from jmsk.postgres.user_triggers import without_user_triggers
from jmsk.wording import counted

PLACEHOLDERS = "placeholders"
"""Their place among the legacy objects that a run remembers: each row as it was made, by id."""
UNKNOWN = "Unknown contact"

TENANTS = "SELECT DISTINCT tenant_id FROM orders WHERE contact_id IS NULL ORDER BY tenant_id"
CREATE = """
    INSERT INTO contacts
        (id, tenant_id, company_id, placed_in_company_id, name, created_at, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT made.id, made.tenant, companies.id, companies.id, %(name)s,
           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM unnest(%(ids)s::bigint[], %(tenants)s::bigint[]) AS made (id, tenant)
      JOIN companies ON companies.tenant_id = made.tenant AND companies.is_default
"""
GIVE = """
    UPDATE orders SET contact_id = contacts.id FROM contacts
     WHERE contacts.id = ANY(%s::bigint[]) AND contacts.tenant_id = orders.tenant_id
       AND orders.contact_id IS NULL
"""
NAME = """
    UPDATE orders SET customer_name = contacts.name FROM contacts
     WHERE contacts.id = orders.contact_id AND contacts.id = ANY(%s::bigint[])
       AND orders.customer_name IS NULL
"""
FREE_ORDERS = "UPDATE orders SET contact_id = NULL WHERE contact_id = ANY(%s::bigint[])"
REMOVE = "DELETE FROM contacts WHERE id = ANY(%s::bigint[])"


def give_placeholders(cursor: Any) -> dict[str, Row]:
    """Give the orders without a contact of each tenant one; return the new rows by id.

    It belongs to the company in which these orders were placed. Raises Failure where no id is left.
    """
    tenants = column(cursor, TENANTS)
    if not tenants:
        return {}
    ids = _next_ids(cursor, len(tenants))
    with without_user_triggers(cursor, "contacts", "orders"):
        cursor.execute(CREATE, {"ids": ids, "tenants": tenants, "name": UNKNOWN})
        cursor.execute(GIVE, [ids])
        # What switches the triggers on again alters the tables, which pending checks would forbid.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return {str(contact): row for contact, row in read_made(cursor, "contacts", ids).items()}


def _next_ids(cursor: Any, count: int) -> list[int]:
    sequence = feeding_sequences(cursor, "contacts").get("id")
    found = free_values(cursor, "contacts", sequence, count + 1) if sequence else []
    if sequence is None or len(found) <= count:
        raise Failure(
            "MC603",
            f"The sequence of contacts has no {counted(count + 1, 'id')} left for placeholders. "
            f"{ROLLED_BACK} Let it reach further, or leave out --placeholder-contacts.",
        )
    restart(cursor, sequence, [found[count], False])
    return found[:count]


def placeholders_in(legacy_objects: Mapping[str, Any]) -> dict[int, Row]:
    """Return the placeholders that a run remembers, as they were made."""
    return {int(key): row for key, row in legacy_objects.get(PLACEHOLDERS, {}).items()}


def going_placeholders(cursor: Any, made: Mapping[int, Row]) -> list[int]:
    """Return which of the placeholders ``made`` a way back takes away.

    One in which somebody has changed a column, or to which a row refers that is no order, is
    somebody's own by now and stays.
    """
    if not made:
        return []
    defaults = read_defaults(cursor, "contacts")
    present = read_made(cursor, "contacts", list(made))
    same = [key for key, row in present.items() if is_as_made(row, made[key], defaults)]
    kept = referred_rows(cursor, "contacts", same, {"orders": "contact_id"})
    return [key for key in same if key not in kept]


def take_placeholders_away(cursor: Any, going: list[int], *, names_customers: bool) -> None:
    """Let the orders of the placeholders ``going`` have no contact again, and delete them.

    ``names_customers``: an order that does not name its customer takes the placeholder's name.
    """
    if not going:
        return
    with without_user_triggers(cursor, "contacts", "orders"):
        for statement in (*((NAME,) if names_customers else ()), FREE_ORDERS, REMOVE):
            cursor.execute(statement, [going])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
