"""The functions of the bridge, written for the tables as they are."""

import json
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge import bodies, writing
from contacts.restructuring.bridge.columns import ViewColumn
from contacts.restructuring.bridge.description import COUNTERS, DEFAULT_COMPANY_FUNCTION, WRITING
from contacts.restructuring.bridge.legacy_names import LegacyNames, read_legacy_names
from contacts.restructuring.database.layout import Layout
from jmsk.postgres.queries import compose, listed, spelled, value

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
    expressions = {column.name: column.expression for column in columns}
    parts = {
        "default_company": sql.Identifier(schema, DEFAULT_COMPANY_FUNCTION),
        "schema": sql.Literal(layout.schema),
        **{key: sql.Literal(getattr(names, key)) for key in KEYS},
        "email": expressions["email"],
        "email_type": sql.SQL(
            next(column.base.type for column in columns if column.name == "email")
        ),
        "company": expressions["company_id"],
        **{f"{view}_counter": sql.Identifier(schema, name) for view, name in COUNTERS.items()},
        "most_locks": sql.Literal(MOST_LOCKS),
    }
    templates = {
        DEFAULT_COMPANY_FUNCTION: sql.SQL(bodies.DEFAULT_COMPANY),
        "trg_bridge_place_contact": compose(bodies.PLACE_CONTACT, **parts),
        "trg_bridge_fill_order": compose(bodies.FILL_ORDER, **parts),
        "trg_bridge_count_orders": compose(bodies.COUNT_ORDERS, **parts),
        "trg_bridge_check_customer": _check_customer(cursor, names, columns, parts),
        "trg_bridge_check_change": _check_change(names, parts),
    }
    if names.company_key:
        templates["trg_bridge_keep_company"] = compose(bodies.KEEP_COMPANY, **parts)
    as_caller = "trg_bridge_write_customer"
    templates[as_caller] = _write_customer(cursor, layout, names, columns, parts)
    return [
        Function(name, spelled(cursor, body).strip(), definer=name != as_caller)
        for name, body in templates.items()
    ]


def _check_customer(
    cursor: Any, names: LegacyNames, columns: tuple[ViewColumn, ...], parts: dict[str, Any]
) -> sql.Composed:
    identity = any(column.name == "id" and column.base.identity for column in columns)
    sequence = sql.Literal(value(cursor, "SELECT pg_get_serial_sequence('contacts', 'id')"))
    still_referenced = compose(bodies.STILL_REFERENCED, **parts)
    return compose(
        bodies.CHECK_CUSTOMER,
        delete=compose(DELETE[names.on_delete], still_referenced=still_referenced),
        fill_id=compose(bodies.FILL_IDENTITY if identity else "", sequence=sequence),
        not_null=_not_null(names, parts),
        unique=_unique(names, parts, "true"),
        **parts,
    )


def _check_change(names: LegacyNames, parts: dict[str, Any]) -> sql.Composed:
    return compose(
        bodies.CHECK_CHANGE,
        still_referenced=compose(bodies.STILL_REFERENCED, **parts),
        unique=_unique(names, parts, "id <> OLD.id"),
        **parts,
    )


def _not_null(names: LegacyNames, parts: dict[str, Any]) -> sql.Composed:
    return compose(bodies.NOT_NULL if names.email_required else "", **parts)


def _unique(names: LegacyNames, parts: dict[str, Any], another: str) -> sql.Composed:
    """Return the check that no other row, as ``another`` says, has the e-mail."""
    template = bodies.UNIQUE_EMAIL if names.email_key else ""
    return compose(template, another=sql.SQL(another), **parts)


def _write_customer(
    cursor: Any,
    layout: Layout,
    names: LegacyNames,
    columns: tuple[ViewColumn, ...],
    parts: dict[str, Any],
) -> sql.Composed:
    relation = layout.tables["contacts"].identifier
    contacts = sql.Literal(spelled(cursor, relation))
    stored = [column.name for column in columns if not column.base.generated]
    plain = [name for name in stored if name in PLAIN and name not in names.restricted]
    only_plain = [
        *(_unchanged(name) for name in stored if name not in plain),
        *(compose("NEW.{} IS NOT NULL", name) for name in plain),
    ]
    return compose(
        writing.WRITE_CUSTOMER,
        contacts=relation,
        contacts_name=contacts,
        contacts_oid=compose("{}::regclass", contacts),
        columns=listed(stored),
        names=sql.Literal(stored),
        new_values=listed(_new(name) for name in stored),
        expressions=listed(column.expression for column in columns),
        marker=sql.SQL(WRITING),
        not_null=_not_null(names, parts),
        only_plain=listed(only_plain, " AND "),
        set_plain=listed(map(_set, plain)),
        changes=listed(_change(cursor, name) for name in stored),
        links_same=listed(map(_unchanged, LINKS), " AND "),
        email_same=_unchanged("email"),
        set_others=listed(_set(name) for name in stored if name not in (*LINKS, "email")),
        set_email=listed(_set(name) for name in stored if name not in LINKS),
        set_all=listed(map(_set, stored)),
        legacy_names=sql.Literal(json.dumps(names.constraints, sort_keys=True)),
    )


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
