"""The triggers of the bridge: on what each fires."""

from typing import Any

from contacts.restructuring.bridge.description import TRIGGERS, WRITING
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import execute

EACH_ROW = "ON {relation} FOR EACH ROW"
SEES_THE_BRIDGE = "WHEN (to_regclass('customers') IS NOT NULL)"
"""A name that only those sessions find whose search path leads to the bridge."""
EVENTS = {
    "trg_bridge_check_customer": f"INSTEAD OF INSERT OR DELETE {EACH_ROW}",
    "trg_bridge_write_customer": f"INSTEAD OF INSERT OR UPDATE OR DELETE {EACH_ROW}",
    "trg_bridge_check_change": (
        f"BEFORE UPDATE OF id, tenant_id, email {EACH_ROW} "
        f"WHEN (current_setting('{WRITING}', true) = 'on')"
    ),
    "trg_bridge_place_contact": (
        f"BEFORE INSERT OR UPDATE OF company_id {EACH_ROW} WHEN (NEW.company_id IS NULL)"
    ),
    "trg_bridge_fill_order": f"BEFORE INSERT OR UPDATE OF contact_id {EACH_ROW}",
    # An INSERT does not look at the view's condition.
    "trg_bridge_count_orders": (
        f"BEFORE INSERT ON {{relation}} FOR EACH STATEMENT {SEES_THE_BRIDGE}"
    ),
    "trg_bridge_keep_company": f"BEFORE DELETE {EACH_ROW} {SEES_THE_BRIDGE}",
}


def make_trigger(cursor: Any, layout: Layout, schema: str, name: str) -> None:
    """Make the trigger of that name, which calls the function of that name."""
    relation = TRIGGERS[name]
    create = f"CREATE TRIGGER {{name}} {EVENTS[name]} EXECUTE FUNCTION {{function}}()"
    on = (schema if relation == "customers" else layout.schema, relation)
    execute(cursor, create, name=name, relation=on, function=(schema, name))
