"""What the switch does beside Django's migrations, under the lock, and the proof of it.

The migrations take over what was prepared and touch the catalogue only. The proof needs no reading
of the tables: they lie in the same files as before, and the server's own counters say that this
transaction touched no row but those whose hashes are compared here, one by one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, Layout
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.preparation.filling.batch import LEGACY_COMPANY
from contacts.restructuring.preparation.installing.fences import (
    Counts,
    count_touched,
    read_files,
    touched_since,
)
from contacts.restructuring.preparation.installing.journal_triggers import remove_journal
from contacts.restructuring.preparation.verifying.base import expected_rows
from contacts.restructuring.proof.exact_hash import Images, read_images
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.proof.prepared_meaning import Meaning, meanings
from contacts.restructuring.switching.changed import Changed
from jmsk.postgres import prepared
from jmsk.postgres.queries import BesideParameters, column, compose, rows, value
from jmsk.postgres.user_triggers import without_user_triggers

WRONG = f"""
    SELECT o.id, {{hash}} FROM orders o
     WHERE o.id = ANY(%(ids)s) AND o.company_id IS DISTINCT FROM {LEGACY_COMPANY}
"""
RIGHT = f"""
    UPDATE orders o SET company_id = {LEGACY_COMPANY} WHERE o.id = ANY(%(ids)s)
    RETURNING o.id, {{hash}}
"""
HASHES = "SELECT r.id, {hash} FROM {table} AS r WHERE r.id = ANY(%s)"
PLACED = HASHES + " AND r.company_id IS NOT NULL AND r.company_id = r.placed_in_company_id"
REUSED = f"SELECT coalesce(array_agg(company_id), '{{}}') FROM {prepared.DEFAULTS} WHERE reused"
MARKED = "SELECT count(*) FROM companies WHERE id = ANY(%s) AND is_default"
STILL_UNFILLED = "SELECT EXISTS (SELECT 1 FROM orders WHERE company_id = 0)"
BLOCKERS = {
    "orders of a missing or another tenant's customer": """
        SELECT o.id FROM orders o WHERE o.id = ANY(%(orders)s) AND o.customer_id IS NOT NULL
           AND (SELECT c.tenant_id FROM customers c WHERE c.id = o.customer_id)
               IS DISTINCT FROM o.tenant_id LIMIT 5""",
    "customers of a missing or another tenant's company": """
        SELECT c.id FROM customers c WHERE c.id = ANY(%(customers)s) AND c.company_id IS NOT NULL
           AND (SELECT u.tenant_id FROM companies u WHERE u.id = c.company_id)
               IS DISTINCT FROM c.tenant_id LIMIT 5""",
    "rows of a missing tenant": """
        SELECT x.id FROM (
            SELECT id, tenant_id FROM orders WHERE id = ANY(%(orders)s)
            UNION ALL SELECT id, tenant_id FROM customers WHERE id = ANY(%(customers)s)
            UNION ALL SELECT id, tenant_id FROM companies WHERE id = ANY(%(companies)s)) AS x
         WHERE (SELECT t.id FROM tenants t WHERE t.id = x.tenant_id) IS NULL LIMIT 5""",
}
"""What the checks before a migration find in all rows, asked of those that changed since."""


@dataclass(frozen=True)
class Beginning:
    """How things stood under the lock, before the migrations.

    ``expected`` is what the rows amount to, ``righted`` how many orders were given another company;
    ``orphans`` and ``reused`` are the hashes of the rows that are going to be touched, by id.
    """

    layout: Layout
    changed: Changed
    images: Mapping[int, Images]
    expected: Mapping[str, Fingerprint]
    counted: Counts
    righted: int
    orphans: Mapping[int, int]
    reused: Mapping[int, int]


def begin_switch(cursor: Any, layout: Layout, changed: Changed) -> Beginning:
    """Put right what changed since the last check, and note how things stand.

    Raises Failure where a row stands in the way.
    """
    images = read_images(cursor, layout.oids())
    found = meanings(layout, images)
    counted = count_touched(cursor, layout)
    expected = expected_rows(cursor)
    for table in ("customers", "orders", "companies"):
        remove_journal(cursor, table, table)
    _refuse_blockers(cursor, changed)
    with without_user_triggers(cursor, "orders"):
        righted = _right(cursor, found["orders"], changed.orders)
    if value(cursor, STILL_UNFILLED):
        raise Failure(
            "MC904",
            f"An order has no company although all that changed was looked at. {ROLLED_BACK} Run "
            "'manage.py migrate_contacts --prepare'.",
        )
    reused = value(cursor, REUSED)
    return Beginning(
        layout,
        changed,
        images,
        expected,
        counted,
        righted,
        _hashes(cursor, found["customers"], "customers", changed.orphans),
        _hashes(cursor, found["companies"], "companies", reused),
    )


def _refuse_blockers(cursor: Any, changed: Changed) -> None:
    keys = {
        "orders": changed.orders,
        "customers": changed.customers,
        "companies": prepared.changed_keys(cursor, "companies"),
    }
    for what, query in BLOCKERS.items():
        if found := column(cursor, query, keys):
            raise Failure(
                "MC910",
                f"Since the last check there are {what}: {', '.join(map(str, found))}. "
                f"{ROLLED_BACK} Put them right, then run again.",
            )


def _right(cursor: Any, meaning: Meaning, suspects: list[int]) -> int:
    """Give those of the ``suspects`` their company that have another one; return how many."""
    hashed = BesideParameters(meaning.hash_of("o"))
    wrong = dict(rows(cursor, compose(WRONG, hash=hashed), {"ids": suspects}))
    if not wrong:
        return 0
    if dict(rows(cursor, compose(RIGHT, hash=hashed), {"ids": list(wrong)})) == wrong:
        return len(wrong)
    raise Failure(
        "MC601",
        f"Putting the company of orders right changed more than that. {ROLLED_BACK} Look for a "
        "rule or a generated column that depends on it.",
    )


def _hashes(
    cursor: Any, meaning: Meaning, relation: str, keys: list[int], query: str = HASHES
) -> dict[int, int]:
    if not keys:
        return {}
    hashed = BesideParameters(meaning.hash_of("r"))
    return dict(rows(cursor, compose(query, hash=hashed, table=relation), [keys]))


def prove_switch(cursor: Any, begun: Beginning, created: list[int]) -> None:
    """Prove that the transaction touched no row but those that it had to, and no meaning.

    ``created`` are the ids of the companies that it or the preparation made. Raises Failure
    otherwise.
    """
    layout = begun.layout
    found = meanings(layout, begun.images, renamed=True)
    told = []
    if read_files(cursor, layout) != begun.changed.files:
        told.append("a table was rewritten")
    for name, relation, before, query in (
        ("customers", "contacts", begun.orphans, PLACED),
        ("companies", "companies", begun.reused, HASHES),
    ):
        if _hashes(cursor, found[name], relation, list(before), query) != before:
            told.append(
                f"rows of {relation} that were to be placed or marked were not, or changed their "
                "meaning"
            )
    marked = value(cursor, MARKED, [list(begun.reused)])
    wanted: Counts = dict.fromkeys(LEGACY_NAMES, (0, 0, 0))
    wanted["companies"] = (len(set(created) - begun.changed.made), marked, 0)
    wanted["customers"] = (0, len(begun.orphans), 0)
    wanted["orders"] = (0, begun.righted, 0)
    touched = touched_since(begun.counted, count_touched(cursor, layout))
    told += [
        f"rows of {name} inserted, updated and deleted: {touched[name]}, not {wanted[name]}"
        for name in LEGACY_NAMES
        if touched[name] != wanted[name]
    ]
    if told:
        raise Failure(
            "MC601",
            f"The proof failed: {'; '.join(told)}. {ROLLED_BACK} Look for a trigger or a rule that "
            "writes when these tables are changed.",
        )
