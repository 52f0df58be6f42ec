"""The functions of the bridge, written for the tables as they are."""

import json
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge import bodies, writing
from contacts.restructuring.bridge.columns import ViewColumn, email_type
from contacts.restructuring.bridge.description import COUNTERS, DEFAULT_COMPANY_FUNCTION, WRITING
from contacts.restructuring.bridge.legacy_names import LegacyNames, read_legacy_names
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import Part, compose, listed, spelled, value

MOST_LOCKS = 1000
"""How many e-mails a transaction locks. By default the server has room for 64 locks for each
session that may connect."""
LINKS = ("id", "tenant_id", "company_id")
"""An update that names one has it checked. One that names these or the e-mail, all of them parts of
unique keys, takes a stronger lock on the row, for which those who add an order have to wait."""
PLAIN = ("name", "created_at", "updated_at")
"""What no constraint of the restructured table is about, but for NOT NULL."""
ALSO_SET = {
    "email": ("email_set_aside", "NULL"),
    "company_id": ("placed_in_company_id", "nullif(c.placed_in_company_id, {value})"),
}
"""What is written with a column of contacts. Who names a company has settled where the contact
belongs."""
AS_CALLER = "trg_bridge_write_customer"
KEEPS_COMPANY = "trg_bridge_keep_company"
BODIES = {
    DEFAULT_COMPANY_FUNCTION: bodies.DEFAULT_COMPANY,
    "trg_bridge_place_contact": bodies.PLACE_CONTACT,
    "trg_bridge_fill_order": bodies.FILL_ORDER,
    "trg_bridge_count_orders": bodies.COUNT_ORDERS,
    "trg_bridge_check_customer": bodies.CHECK_CUSTOMER,
    "trg_bridge_check_change": bodies.CHECK_CHANGE,
    KEEPS_COMPANY: bodies.KEEP_COMPANY,
    AS_CALLER: writing.WRITE_CUSTOMER,
}
KEYS = ("customer_key", "tenant_key", "company_key", "email_key")
DELETE = {
    "REFUSE": bodies.REFUSE_DELETE,
    "CASCADE": bodies.CASCADE_DELETE,
    "LEAVE": "        -- The orders stay, without a contact.",
}


@dataclass(frozen=True)
class Function:
    """A function of the bridge. ``definer``: it runs with the rights of its owner."""

    name: str
    body: str
    definer: bool = True


def bridge_functions(
    cursor: Any, layout: Layout, schema: str, columns: tuple[ViewColumn, ...]
) -> list[Function]:
    """Return the functions of the bridge in ``schema``; ``columns`` are those of customers."""
    names = read_legacy_names(cursor)
    parts = _names(cursor, layout, schema, columns, names)
    parts |= _checks(cursor, names, columns, parts) | _writes(cursor, layout, names, columns)
    return [
        Function(name, spelled(cursor, compose(body, **parts)).strip(), definer=name != AS_CALLER)
        for name, body in BODIES.items()
        if names.company_key or name != KEEPS_COMPANY
    ]


def _names(
    cursor: Any, layout: Layout, schema: str, columns: tuple[ViewColumn, ...], names: LegacyNames
) -> dict[str, Part]:
    by_name = {column.name: column for column in columns}
    return {
        "default_company": (schema, DEFAULT_COMPANY_FUNCTION),
        "schema": sql.Literal(layout.schema),
        **{key: sql.Literal(getattr(names, key)) for key in KEYS},
        "email": by_name["email"].expression,
        "email_type": sql.SQL(email_type(cursor, layout)),
        "company": by_name["company_id"].expression,
        **{f"{view}_counter": (schema, name) for view, name in COUNTERS.items()},
        "most_locks": sql.Literal(MOST_LOCKS),
    }


def _checks(
    cursor: Any, names: LegacyNames, columns: tuple[ViewColumn, ...], parts: dict[str, Part]
) -> dict[str, Part]:
    """Return what the legacy table's rules are held by; nothing for a rule that it had not."""
    identity = any(column.name == "id" and column.base.identity for column in columns)
    sequence = value(cursor, "SELECT pg_get_serial_sequence('contacts', 'id')")
    still_referenced = compose(bodies.STILL_REFERENCED, **parts)
    unique = bodies.UNIQUE_EMAIL if names.email_key else ""
    return {
        "still_referenced": still_referenced,
        "delete": compose(DELETE[names.on_delete], still_referenced=still_referenced),
        "fill_id": compose(
            bodies.FILL_IDENTITY if identity else "", sequence=sql.Literal(sequence)
        ),
        "not_null": compose(bodies.NOT_NULL if names.email_required else "", **parts),
        "unique": compose(unique, another=sql.SQL("true"), **parts),
        "still_unique": compose(unique, another=sql.SQL("id <> OLD.id"), **parts),
    }


def _writes(
    cursor: Any, layout: Layout, names: LegacyNames, columns: tuple[ViewColumn, ...]
) -> dict[str, Part]:
    """Return what is written, and compared for it, of the columns that hold a value."""
    relation = layout.tables["contacts"].identifier
    contacts = sql.Literal(spelled(cursor, relation))
    stored = [column.name for column in columns if not column.base.generated]
    plain = [name for name in stored if name in PLAIN and name not in names.restricted]
    only_plain = [
        *(_unchanged(name) for name in stored if name not in plain),
        *(compose("NEW.{} IS NOT NULL", name) for name in plain),
    ]
    return {
        "contacts": relation,
        "contacts_name": contacts,
        "contacts_oid": compose("{}::regclass", contacts),
        "columns": listed(stored),
        "names": sql.Literal(stored),
        "new_values": listed(map(_new, stored)),
        "expressions": listed(column.expression for column in columns),
        "marker": sql.SQL(WRITING),
        "only_plain": listed(only_plain, " AND "),
        "set_plain": listed(map(_set, plain)),
        "changes": listed(_change(cursor, name) for name in stored),
        "links_same": listed(map(_unchanged, LINKS), " AND "),
        "email_same": _unchanged("email"),
        "set_others": listed(_set(name) for name in stored if name not in (*LINKS, "email")),
        "set_email": listed(_set(name) for name in stored if name not in LINKS),
        "set_all": listed(map(_set, stored)),
        "legacy_names": sql.Literal(json.dumps(names.constraints, sort_keys=True)),
    }


def _new(name: str) -> sql.Composed:
    return compose("NEW.{}", name)


def _changed(name: str) -> sql.Composed:
    return compose("NEW.{0} IS DISTINCT FROM OLD.{0}", name)


def _unchanged(name: str) -> sql.Composed:
    return compose("NOT ({})", _changed(name))


def _set(name: str) -> sql.Composed:
    """Return the assignments that write the column, where it has changed."""
    changed = _changed(name)
    template = "{column} = CASE WHEN {changed} THEN {value} ELSE c.{column} END"
    return listed(
        compose(template, column=column, changed=changed, value=value)
        for column, value in _assigned(name, _new(name))
    )


def _change(cursor: Any, name: str) -> sql.Composed:
    """Return the expression that yields the assignments as text, or NULL where nothing changed."""
    assigned = _assigned(name, compose("($1).{}", name))
    assignments = listed(compose("{} = {}", column, value) for column, value in assigned)
    text = sql.Literal(spelled(cursor, assignments))
    return compose("CASE WHEN {} THEN {} END", _changed(name), text)


def _assigned(name: str, value: sql.Composable) -> list[tuple[str, sql.Composable]]:
    if name not in ALSO_SET:
        return [(name, value)]
    column, template = ALSO_SET[name]
    return [(name, value), (column, compose(template, value=value))]
