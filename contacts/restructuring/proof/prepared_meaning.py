"""The legacy meaning of a row of a prepared table, as what the journal and the proof hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout, as_legacy
from contacts.restructuring.proof.exact_hash import Images, read_images
from contacts.restructuring.proof.fingerprint import Fingerprint
from jmsk.postgres.queries import compose, row

LINKS = {
    "tenants": ("id",),
    "companies": ("id", "tenant_id"),
    "customers": ("id", "tenant_id", "company_id"),
    "orders": ("id", "tenant_id", "customer_id"),
}
"""The columns by which a row leads to its company: who changes one may change an order's."""
CUSTOMER_MEANING = {
    "company_id": "nullif({row}.company_id, {row}.placed_in_company_id)",
    "email": "coalesce({row}.email, {row}.email_set_aside)",
}
PLACED_IN = "placed_in_company_id"
RENAMED_COLUMNS = {("orders", "customer_id"): "contact_id"}
SUM = "SELECT count(*), coalesce(sum({hash}), 0)::text FROM {table} AS r"


@dataclass(frozen=True)
class Meaning:
    """How the rows of one table are hashed in their legacy meaning.

    ``placing`` says that customers have the column that tells who was placed; ``renamed`` that the
    table and its columns bear their new names already.
    """

    table: str
    columns: tuple[str, ...]
    images: Images
    placing: bool = False
    renamed: bool = False

    def hash_of(self, row: str) -> sql.Composed:
        """Return the hash of ``row``, an alias of the table, or NEW or OLD within a trigger."""
        return self.images.row_hash({name: self.cell(name, row) for name in self.columns})

    def cell(self, column: str, row: str) -> sql.Composable:
        """Return what a legacy column of ``row`` means."""
        if self.placing and self.table == "customers" and column in CUSTOMER_MEANING:
            return compose(CUSTOMER_MEANING[column], row=row)
        now = RENAMED_COLUMNS.get((self.table, column), column) if self.renamed else column
        return sql.Identifier(row, now)


def meanings(
    layout: Layout, images: Mapping[int, Images], *, renamed: bool = False
) -> dict[str, Meaning]:
    """Return how each table of a legacy or prepared ``layout`` is hashed, by its legacy name.

    ``renamed``: as it is to be read once the switch has renamed tables and columns.
    """
    tables = as_legacy(layout).tables
    placing = renamed or PLACED_IN in layout.tables["customers"].column_names
    return {
        name: Meaning(
            name,
            tuple(column.name for column in tables[name].stored_columns),
            images[tables[name].oid],
            placing,
            renamed,
        )
        for name in LEGACY_NAMES
    }


def read_meanings(cursor: Any, layout: Layout) -> dict[str, Meaning]:
    """Return how the rows of the four tables are hashed, before the switch."""
    return meanings(layout, read_images(cursor, layout.oids()))


def read_rows(cursor: Any, meaning: Meaning, relation: str) -> Fingerprint:
    """Return the fingerprint of every row of ``relation`` in its legacy meaning."""
    return Fingerprint(*row(cursor, compose(SUM, hash=meaning.hash_of("r"), table=relation)))
