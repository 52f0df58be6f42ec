"""Changing some rows in one short transaction, which proves itself: above all, filling orders.

Rows that somebody holds are left for later. Each row's hash before and after must be the same, and
the transaction must have touched exactly these rows, of exactly this table: else it is rolled back.
"""

from enum import IntEnum
from typing import Any

from psycopg2 import sql

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from contacts.restructuring.failures import Failure
from contacts.restructuring.preparation.installing.fences import count_touched, touched_since
from contacts.restructuring.proof.prepared_meaning import Meaning
from jmsk.postgres import prepared
from jmsk.postgres.queries import BesideParameters, compose, row

EXPECTED_COMPANY = f"""
    coalesce((SELECT c.company_id FROM {{customers}} c WHERE c.id = o.{{customer_id}}),
             (SELECT d.company_id FROM {prepared.DEFAULTS} d WHERE d.tenant_id = o.tenant_id), 0)
"""
"""The company that an order gets: its customer's, else its tenant's default company. By scalar
subqueries, so that no plan can read a table as a whole, whatever the statistics say."""
LEGACY_COMPANY = EXPECTED_COMPANY.format(customers="customers", customer_id="customer_id")
FILL = """
    WITH taken AS MATERIALIZED (
        SELECT o.ctid AS place, {hash} AS hash FROM orders o WHERE {some}
           FOR NO KEY UPDATE SKIP LOCKED),
    filled AS (
        UPDATE orders o SET company_id = {company} FROM taken WHERE o.ctid = taken.place
        RETURNING taken.hash = {hash} AS same)
    SELECT count(*), count(*) FILTER (WHERE same) FROM filled
"""


def fill(cursor: Any, layout: Layout, meaning: Meaning, some: str, parameters: Any) -> int:
    """Fill the company of the orders ``o`` that the condition ``some`` selects; return how many.

    Raises Failure if anything else was touched.
    """
    parts = {"some": sql.SQL(some), "company": sql.SQL(LEGACY_COMPANY)}
    statement = compose(FILL, hash=BesideParameters(meaning.hash_of("o")), **parts)
    return change(cursor, layout, "orders", Kind.UPDATED, statement, parameters)


class Kind(IntEnum):
    """What a batch does to its rows: the place of their number among the server's counts."""

    INSERTED = 0
    UPDATED = 1
    DELETED = 2


def change(
    cursor: Any, layout: Layout, table: str, kind: Kind, statement: sql.Composable, parameters: Any
) -> int:
    """Run ``statement``, which changes rows of ``table``; return how many.

    It returns their number, and how many of them mean what they meant. Raises Failure if that is
    not all of them, or if anything else was touched.
    """
    before = count_touched(cursor, layout)
    number, same = row(cursor, statement, parameters)
    touched = touched_since(before, count_touched(cursor, layout))
    nothing = dict.fromkeys(LEGACY_NAMES, (0, 0, 0))
    counts = tuple(number if kind == place else 0 for place in range(3))
    if number == same and touched == {**nothing, table: counts}:
        return int(number)
    raise Failure(
        "MC905",
        f"A batch of {number:,} {table} was to be {kind.name.lower()} and nothing else, but "
        f"{same:,} of them kept their meaning, and it touched {_told(touched)}. It was rolled "
        f"back. Something else changes rows when {table} are changed: a trigger or a rule. Find "
        "it, or run 'manage.py migrate_contacts --abandon' and migrate offline.",
    )


def _told(touched: dict[str, tuple[int, int, int]]) -> str:
    told = [
        f"{name} (inserted {rows[0]}, updated {rows[1]}, deleted {rows[2]})"
        for name, rows in touched.items()
        if any(rows)
    ]
    return ", ".join(told) or "nothing"
