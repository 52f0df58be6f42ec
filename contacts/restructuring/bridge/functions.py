"""The functions of the bridge, written for the tables as they are."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge import bodies, writing
from contacts.restructuring.bridge.columns import ViewColumn
from contacts.restructuring.bridge.description import COUNTERS, DEFAULT_COMPANY_FUNCTION, WRITING
from contacts.restructuring.bridge.legacy_names import LegacyNames, read_legacy_names
from contacts.restructuring.database.layout import Layout

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
        "customer_key": sql.Literal(names.customer_key),
        "tenant_key": sql.Literal(names.tenant_key),
        "company_key": sql.Literal(names.company_key),
        "email_key": sql.Literal(names.email_key),
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
        "trg_bridge_place_contact": sql.SQL(bodies.PLACE_CONTACT).format(**parts),
        "trg_bridge_fill_order": sql.SQL(bodies.FILL_ORDER).format(**parts),
        "trg_bridge_count_orders": sql.SQL(bodies.COUNT_ORDERS).format(**parts),
        "trg_bridge_check_customer": _check_customer(cursor, names, columns, parts),
        "trg_bridge_check_change": _check_change(names, parts),
    }
    if names.company_key:
        templates["trg_bridge_keep_company"] = sql.SQL(bodies.KEEP_COMPANY).format(**parts)
    body = _write_customer(cursor, layout, names, columns, parts)
    return [
        *(Function(name, _text(cursor, body)) for name, body in templates.items()),
        Function("trg_bridge_write_customer", _text(cursor, body), definer=False),
    ]


def _text(cursor: Any, statement: sql.Composable) -> str:
    return statement.as_string(cursor.connection).strip()


def _check_customer(
    cursor: Any, names: LegacyNames, columns: tuple[ViewColumn, ...], parts: dict[str, Any]
) -> sql.Composed:
    identity = any(column.name == "id" and column.base.identity for column in columns)
    cursor.execute("SELECT pg_get_serial_sequence('contacts', 'id')")
    sequence = sql.Literal(cursor.fetchone()[0])
    return sql.SQL(bodies.CHECK_CUSTOMER).format(
        delete=_piece(
            DELETE[names.on_delete],
            still_referenced=_piece(bodies.STILL_REFERENCED, **parts),
        ),
        fill_id=_piece(bodies.FILL_IDENTITY if identity else "", sequence=sequence),
        not_null=_not_null(names, parts),
        unique=_unique(names, parts, "true"),
        **parts,
    )


def _check_change(names: LegacyNames, parts: dict[str, Any]) -> sql.Composed:
    return sql.SQL(bodies.CHECK_CHANGE).format(
        still_referenced=_piece(bodies.STILL_REFERENCED, **parts),
        unique=_unique(names, parts, "id <> OLD.id"),
        **parts,
    )


def _piece(template: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(template).format(**parts)


def _not_null(names: LegacyNames, parts: dict[str, Any]) -> sql.Composed:
    return _piece(bodies.NOT_NULL if names.email_required else "", **parts)


def _unique(names: LegacyNames, parts: dict[str, Any], another: str) -> sql.Composed:
    """Return the check that no other row, as ``another`` says, has the e-mail."""
    template = bodies.UNIQUE_EMAIL if names.email_key else ""
    return _piece(template, another=sql.SQL(another), **parts)


def _write_customer(
    cursor: Any,
    layout: Layout,
    names: LegacyNames,
    columns: tuple[ViewColumn, ...],
    parts: dict[str, Any],
) -> sql.Composed:
    table = layout.tables["contacts"]
    stored = [column.name for column in columns if not column.base.generated]
    relation = sql.Identifier(table.schema, table.name)
    plain = [name for name in stored if name in PLAIN and name not in names.restricted]
    return sql.SQL(writing.WRITE_CUSTOMER).format(
        contacts=relation,
        contacts_name=sql.Literal(_text(cursor, relation)),
        contacts_oid=sql.SQL("{}::regclass").format(sql.Literal(_text(cursor, relation))),
        columns=_list(sql.Identifier(name) for name in stored),
        names=sql.Literal(stored),
        new_values=_list(_new(name) for name in stored),
        expressions=_list(column.expression for column in columns),
        marker=sql.SQL(WRITING),
        not_null=_not_null(names, parts),
        only_plain=_and(
            [
                *(_unchanged(name) for name in stored if name not in plain),
                *(_present(name) for name in plain),
            ]
        ),
        set_plain=_list(_set(name) for name in plain),
        changes=_list(_change(cursor, name) for name in stored),
        links_same=_and(_unchanged(name) for name in LINKS),
        email_same=_unchanged("email"),
        set_others=_list(_set(name) for name in stored if name not in (*LINKS, "email")),
        set_email=_list(_set(name) for name in stored if name not in LINKS),
        set_all=_list(_set(name) for name in stored),
        legacy_names=sql.Literal(json.dumps(names.constraints, sort_keys=True)),
    )


def _new(name: str) -> sql.Composed:
    return sql.SQL("NEW.{}").format(sql.Identifier(name))


def _changed(name: str) -> sql.Composed:
    return sql.SQL("NEW.{0} IS DISTINCT FROM OLD.{0}").format(sql.Identifier(name))


def _unchanged(name: str) -> sql.Composed:
    return sql.SQL("NOT ({})").format(_changed(name))


def _present(name: str) -> sql.Composed:
    return sql.SQL("NEW.{} IS NOT NULL").format(sql.Identifier(name))


def _and(conditions: Iterable[sql.Composed]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


def _set(name: str) -> sql.Composed:
    """Return the assignments that write the column, where it has changed."""
    changed = _changed(name)
    template = "{column} = CASE WHEN {changed} THEN {value} ELSE c.{column} END"
    return _list(
        sql.SQL(template).format(column=sql.Identifier(column), changed=changed, value=value)
        for column, value in _assigned(name, _new(name))
    )


def _change(cursor: Any, name: str) -> sql.Composed:
    """Return the expression that yields the assignments as text, or NULL where nothing changed."""
    value = sql.SQL("($1).{}").format(sql.Identifier(name))
    assignments = _list(
        sql.SQL("{} = {}").format(sql.Identifier(column), what)
        for column, what in _assigned(name, value)
    )
    text = sql.Literal(_text(cursor, assignments))
    return sql.SQL("CASE WHEN {} THEN {} END").format(_changed(name), text)


def _assigned(name: str, value: sql.Composable) -> list[tuple[str, sql.Composable]]:
    if name not in ALSO_SET:
        return [(name, value)]
    column, template = ALSO_SET[name]
    return [(name, value), (column, sql.SQL(template).format(value=value))]


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
