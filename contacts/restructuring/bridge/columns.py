"""The columns of the legacy tables, and how the bridge's views read them."""

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.meaning import COMPANY
from contacts.restructuring.bridge.description import VIEWS
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.settings import schema_only
from contacts.restructuring.database.tables import Column
from contacts.restructuring.state.legacy_objects import remembered
from contacts.restructuring.state.record import read_record
from jmsk.postgres.queries import compose, value

LEGACY_NAME = {("orders", "contact_id"): "customer_id"}
EMAIL_OF_TYPE = "coalesce(email, email_set_aside::{type})"
EMAIL_NEVER_NULL = (
    "coalesce(email, email_set_aside::{type}, "
    "('contact-' || id::text || '@no-email.invalid')::{type})"
)

EMAIL_TYPE = """
    SELECT format_type(atttypid, atttypmod) FROM pg_attribute
     WHERE attrelid = %s AND attname = 'email'
"""


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view. ``base`` is the column of the table, ``expression`` how it is read."""

    name: str
    base: Column
    expression: sql.Composable

    @property
    def computed(self) -> bool:
        """Whether the view does not show the table's column as it is."""
        return not isinstance(self.expression, sql.Identifier)


def view_columns(cursor: Any, layout: Layout) -> dict[str, tuple[ViewColumn, ...]]:
    """Return the columns of each view: those of the legacy table as it was, in their order.

    Parameters: ``layout`` is that of the migrated database. What others have added to the tables
    since the migration is no part of the views.
    """
    record, email = read_record(cursor), email_type(cursor, layout)
    return {
        view: tuple(_columns(view, layout.tables[table].columns, remembered(record, view), email))
        for view, table in VIEWS.items()
    }


def email_type(cursor: Any, layout: Layout) -> str:
    """Return the type of e-mails as it is spelled for whoever has the tables' schema in the path.

    It may be citext, which may stand in a schema of its own.
    """
    with schema_only(cursor, layout.schema):
        return str(value(cursor, EMAIL_TYPE, [layout.tables["contacts"].oid]))


def missing_columns(cursor: Any, layout: Layout) -> list[str]:
    """Return the legacy columns, as ``table.column``, that somebody has dropped since."""
    present, record = view_columns(cursor, layout), read_record(cursor)
    return [
        f"{VIEWS[view]}.{name}"
        for view, columns in present.items()
        for name in sorted(set(remembered(record, view)["not_null"]))
        if name not in {column.name for column in columns}
    ]


def _columns(
    view: str, columns: tuple[Column, ...], was: dict[str, Any], email: str
) -> list[ViewColumn]:
    found = []
    for column in columns:
        name = LEGACY_NAME.get((view, column.name), column.name)
        if name in was["not_null"]:
            expression = _expression(view, column, email, never_null=was["not_null"][name])
            found.append(ViewColumn(name, column, expression))
    return found


def _expression(view: str, column: Column, email: str, *, never_null: bool) -> sql.Composable:
    if (view, column.name) == ("customers", "company_id"):
        return sql.SQL(COMPANY)
    if (view, column.name) == ("customers", "email"):
        template = EMAIL_NEVER_NULL if never_null else EMAIL_OF_TYPE
        return compose(template, type=sql.SQL(email))
    return sql.Identifier(column.name)
