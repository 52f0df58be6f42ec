"""How each table is read in its legacy meaning, before and after the restructuring."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from psycopg2 import sql

from contacts.meaning import COMPANY, EMAIL
from contacts.restructuring.database.layout import Layout, Table

EVERY_ROW = sql.SQL("")


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
    where: sql.Composable

    def query(self, template: str) -> sql.Composed:
        """Fill ``template``'s ``columns``, ``table`` and ``where``."""
        return sql.SQL(template).format(
            columns=sql.SQL(", ").join(self.columns.values()),
            table=sql.Identifier(self.schema, self.relation),
            where=self.where,
        )


def plain_source(table: Table) -> Source:
    """Return the table as it stands, generated columns left out."""
    columns = {column.name: sql.Identifier(column.name) for column in table.stored_columns}
    return Source(table.name, table.oid, table.schema, table.name, columns, EVERY_ROW)


def legacy_sources(layout: Layout) -> list[Source]:
    """Return the sources of the four tables of a legacy database."""
    return [
        plain_source(layout.tables[name])
        for name in ("tenants", "companies", "customers", "orders")
    ]


def sources_after_migration(legacy: Layout, created_companies: Collection[int]) -> list[Source]:
    """Return the sources that read a migrated database as the ``legacy`` one it was.

    Parameters: the layout before the restructuring, and the ids of the companies that it created.
    """
    tenants, companies, customers, orders = legacy_sources(legacy)
    created = without_companies(created_companies)
    return [
        tenants,
        _remapped(companies, companies.relation, {}, created),
        _remapped(customers, "contacts", CUSTOMER_MEANING, EVERY_ROW),
        _remapped(orders, orders.relation, ORDER_MEANING, EVERY_ROW),
    ]


def sources_before_rollback(migrated: Layout, created_companies: Collection[int]) -> list[Source]:
    """Return the sources that read a migrated database as the legacy one that a rollback makes.

    Unlike :func:`sources_after_migration` it needs no layout from before: what the restructuring
    added is left out. So are the companies that it created, since some of them go and some stay.
    """
    tenants, companies, contacts, orders = (
        plain_source(migrated.tables[name])
        for name in ("tenants", "companies", "contacts", "orders")
    )
    return [
        tenants,
        _without(companies, ADDED["companies"], without_companies(created_companies)),
        _without(contacts, ADDED["contacts"], EVERY_ROW, "customers", CUSTOMER_MEANING),
        _without(orders, ADDED["orders"], EVERY_ROW),
    ]


def without_companies(ids: Collection[int]) -> sql.Composable:
    """Return the condition that leaves out the companies ``ids``."""
    return sql.SQL("WHERE id <> ALL({}::integer[])").format(sql.Literal(list(ids)))


ADDED = {
    "companies": ("fax", "default_address_id", "is_default"),
    "contacts": ("placed_in_company_id", "email_set_aside"),
    "orders": ("company_id",),
}
"""The columns that the restructuring adds to each table."""


def _without(
    source: Source,
    added: Collection[str],
    where: sql.Composable,
    table: str = "",
    meaning: Mapping[str, sql.Composable] | None = None,
) -> Source:
    columns = {
        "customer_id" if name == "contact_id" else name: (meaning or {}).get(name, expression)
        for name, expression in source.columns.items()
        if name not in added
    }
    name = table or source.table
    return Source(name, source.oid, source.schema, source.relation, columns, where)


CUSTOMER_MEANING = {
    "email": sql.SQL(EMAIL),
    "company_id": sql.SQL(COMPANY),
}
ORDER_MEANING = {"customer_id": sql.Identifier("contact_id")}


def _remapped(
    source: Source,
    relation: str,
    meaning: Mapping[str, sql.Composable],
    where: sql.Composable,
) -> Source:
    columns = {**source.columns, **{key: meaning[key] for key in meaning if key in source.columns}}
    return Source(source.table, source.oid, source.schema, relation, columns, where)
