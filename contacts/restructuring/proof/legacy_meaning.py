"""How each table is read in its legacy meaning, before and after the restructuring."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from psycopg2 import sql

from contacts.meaning import COMPANY, CUSTOMER_NAME, EMAIL
from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from contacts.restructuring.database.tables import Table
from jmsk.postgres.queries import compose, listed

EVERY_ROW = sql.SQL("")

ADDED = {
    "companies": ("fax", "default_address_id", "is_default"),
    "contacts": ("placed_in_company_id", "email_set_aside"),
    "orders": ("company_id",),
}
"""The columns that the restructuring adds to each table."""

ADDED_BY_THE_WRECK = {"companies": ("fax", "default_address_id"), "orders": ("company_id",)}
"""The columns that the former Alembic migration had added when it died."""

CUSTOMER_MEANING = {"email": sql.SQL(EMAIL), "company_id": sql.SQL(COMPANY)}
ORDER_MEANING = {"customer_id": sql.Identifier("contact_id")}


@dataclass(frozen=True)
class Source:
    """How to read a table in its legacy meaning.

    ``columns`` maps each legacy column to the SQL expression that yields it, ``where`` leaves out
    rows that the restructuring added.
    """

    table: str
    oid: int
    schema: str
    relation: str
    columns: Mapping[str, sql.Composable]
    where: sql.Composable = field(default_factory=lambda: EVERY_ROW)

    def query(self, template: str) -> sql.Composed:
        """Fill ``template``'s ``columns``, ``table`` and ``where``."""
        table = (self.schema, self.relation)
        return compose(
            template, columns=listed(self.columns.values()), table=table, where=self.where
        )

    def without(self, names: Collection[str]) -> "Source":
        """Return the source without the columns ``names``."""
        kept = {name: value for name, value in self.columns.items() if name not in names}
        return replace(self, columns=kept)

    def meaning(self, meaning: Mapping[str, sql.Composable]) -> "Source":
        """Return the source in which the columns of ``meaning`` are read by its expressions."""
        columns = {name: meaning.get(name, value) for name, value in self.columns.items()}
        return replace(self, columns=columns)


def plain_source(table: Table) -> Source:
    """Return the table as it stands, generated columns left out."""
    columns = {column.name: sql.Identifier(column.name) for column in table.stored_columns}
    return Source(table.name, table.oid, table.schema, table.name, columns)


def plain_sources(layout: Layout) -> list[Source]:
    """Return the sources of the four tables as they stand, whatever customers is called."""
    return [plain_source(layout.holding(name)) for name in LEGACY_NAMES]


def sources_after_migration(
    legacy: Layout, created_companies: Collection[int], placeholders: Collection[int] = ()
) -> list[Source]:
    """Return the sources that read a migrated database as the ``legacy`` one it was.

    Parameters: the layout before the restructuring, and the ids of the companies and of the
    placeholder contacts that it created.
    """
    tenants, companies, customers, orders = plain_sources(legacy)
    return [
        tenants,
        replace(companies, where=without_rows(created_companies)),
        replace(
            customers.meaning(CUSTOMER_MEANING),
            relation="contacts",
            where=without_rows(placeholders),
        ),
        orders.meaning({"customer_id": _but_for("contact_id", placeholders)}),
    ]


def sources_before_rollback(
    migrated: Layout,
    going_companies: Collection[int],
    going_contacts: Collection[int] = (),
    *,
    names_customers: bool = True,
) -> list[Source]:
    """Return the sources that read a migrated database as the legacy one that a rollback makes.

    Unlike :func:`sources_after_migration` it needs no layout from before: what the restructuring
    added is left out. So are those of the companies and placeholder contacts that it created which
    go with it.
    ``names_customers``: an order that does not name its customer takes its contact's name.
    """
    tenants, companies, contacts, orders = plain_sources(migrated)
    legacy_columns = {
        "customer_id" if name == "contact_id" else name: value
        for name, value in orders.without(ADDED["orders"]).columns.items()
    }
    meaning = {"customer_id": _but_for("contact_id", going_contacts)}
    if names_customers:
        meaning["customer_name"] = sql.SQL(CUSTOMER_NAME)
    return [
        tenants,
        replace(companies.without(ADDED["companies"]), where=without_rows(going_companies)),
        replace(
            contacts.without(ADDED["contacts"]).meaning(CUSTOMER_MEANING),
            table="customers",
            where=without_rows(going_contacts),
        ),
        replace(orders, columns=legacy_columns).meaning(meaning),
    ]


def sources_of_wreck(wreck: Layout, made_companies: Collection[int]) -> list[Source]:
    """Return the sources that read what the former Alembic migration left as the legacy database.

    ``made_companies`` are the ids of the default companies that it made.
    """
    tenants, companies, contacts, orders = plain_sources(wreck)
    placed = {"company_id": _but_for("company_id", made_companies)}
    return [
        tenants,
        replace(
            companies.without(ADDED_BY_THE_WRECK["companies"]), where=without_rows(made_companies)
        ),
        replace(contacts.meaning(placed), table="customers"),
        orders.without(ADDED_BY_THE_WRECK["orders"]),
    ]


def _but_for(column: str, keys: Collection[int]) -> sql.Composable:
    """Return what ``column`` refers to: nothing, where that is one of ``keys``."""
    but_for = "CASE WHEN {0} <> ALL({1}::bigint[]) THEN {0} END"
    return compose(but_for, column, sql.Literal(list(keys)))


def without_rows(ids: Collection[int]) -> sql.Composable:
    """Return the condition that leaves out the rows ``ids``."""
    return compose("WHERE id <> ALL({}::bigint[])", sql.Literal(list(ids)))
