"""Filling the company of some orders in one short transaction, which proves itself.

Rows that somebody holds are left for later. Each row's hash before and after must be the same, and
the transaction must have touched exactly these rows, of exactly this table: else it is rolled back.
"""

from typing import Any

from psycopg2 import sql

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from contacts.restructuring.failures import Failure
from contacts.restructuring.preparation.fences import count_touched, touched_since
from contacts.restructuring.proof.prepared_meaning import Meaning
from jmsk.postgres import prepared
from jmsk.wording import counted

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
    before = count_touched(cursor, layout)
    statement = sql.SQL(FILL).format(
        hash=meaning.hash_of("o"), some=sql.SQL(some), company=sql.SQL(LEGACY_COMPANY)
    )
    cursor.execute(statement, parameters)
    filled, same = cursor.fetchone()
    touched = touched_since(before, count_touched(cursor, layout))
    wanted = {name: (0, filled if name == "orders" else 0, 0) for name in LEGACY_NAMES}
    if filled == same and touched == wanted:
        return int(filled)
    raise Failure(
        "MC905",
        f"A batch of {counted(filled, 'order')} was to fill orders.company_id and nothing else, "
        f"but {same:,} of "
        f"them kept their meaning, and it touched {_told(touched)}. It was rolled back. Something "
        "else changes rows when orders are updated: a trigger or a rule. Find it, or run "
        "'manage.py migrate_contacts --abandon' and migrate offline.",
    )


def _told(touched: dict[str, tuple[int, int, int]]) -> str:
    told = [
        f"{name} (inserted {rows[0]}, updated {rows[1]}, deleted {rows[2]})"
        for name, rows in touched.items()
        if any(rows)
    ]
    return ", ".join(told) or "nothing"
