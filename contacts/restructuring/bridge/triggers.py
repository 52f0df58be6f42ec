"""The triggers of the bridge: on what each fires."""

from typing import Any

from contacts.restructuring.bridge.description import WRITING
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import execute

EACH_ROW = "FOR EACH ROW"
SEES_THE_BRIDGE = "WHEN (to_regclass('customers') IS NOT NULL)"
"""A name that only those sessions find whose search path leads to the bridge."""
EVENTS = {
    "trg_bridge_check_customer": f"INSTEAD OF INSERT OR DELETE ON {{customers}} {EACH_ROW}",
    "trg_bridge_write_customer": (
        f"INSTEAD OF INSERT OR UPDATE OR DELETE ON {{customers}} {EACH_ROW}"
    ),
    "trg_bridge_check_change": (
        f"BEFORE UPDATE OF id, tenant_id, email ON {{contacts}} {EACH_ROW} "
        f"WHEN (current_setting('{WRITING}', true) = 'on')"
    ),
    "trg_bridge_place_contact": (
        f"BEFORE INSERT OR UPDATE OF company_id ON {{contacts}} {EACH_ROW} "
        "WHEN (NEW.company_id IS NULL)"
    ),
    "trg_bridge_fill_order": f"BEFORE INSERT OR UPDATE OF contact_id ON {{orders}} {EACH_ROW}",
    # An INSERT does not look at the view's condition.
    "trg_bridge_count_orders": f"BEFORE INSERT ON {{orders}} FOR EACH STATEMENT {SEES_THE_BRIDGE}",
    "trg_bridge_keep_company": f"BEFORE DELETE ON {{companies}} {EACH_ROW} {SEES_THE_BRIDGE}",
}


def make_trigger(cursor: Any, layout: Layout, schema: str, name: str) -> None:
    """Make the trigger of that name, which calls the function of that name."""
    execute(
        cursor,
        f"CREATE TRIGGER {{trigger}} {EVENTS[name]} EXECUTE FUNCTION {{function}}()",
        trigger=name,
        function=(schema, name),
        customers=(schema, "customers"),
        **{table: (layout.schema, table) for table in ("contacts", "orders", "companies")},
    )
