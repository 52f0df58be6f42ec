"""The base on which the journal counts: what every row means, in one snapshot.

The journal is emptied in the same transaction, of what that snapshot sees and of nothing else. From
then on, in every snapshot, the rows that are there are the base and what the journal adds to it: a
change and its line in the journal become visible together.
"""

from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.preparation.state import Phase, note
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.proof.prepared_meaning import read_meanings, read_rows
from jmsk.postgres import prepared
from jmsk.postgres.queries import rows

EXPECTED = f"""
    SELECT b.table_name,
           b.rows + count(j.plus) - count(j.minus),
           (b.digest + coalesce(sum(j.plus), 0) - coalesce(sum(j.minus), 0))::text
      FROM {prepared.BASE} b
      LEFT JOIN {prepared.JOURNAL} j ON j.table_name = b.table_name
     GROUP BY b.table_name, b.rows, b.digest
"""


def take_base(worker: Worker) -> None:
    """Read every row, and let the journal begin anew from there."""

    def work(cursor: Any) -> None:
        set_base(cursor, read_all(cursor, worker))
        note(cursor, Phase.RESERVE)

    worker.transact(work, "taking the fingerprint of every row", snapshot=True)


def read_all(cursor: Any, worker: Worker) -> dict[str, Fingerprint]:
    """Return the fingerprint of each table, of every row that this transaction sees."""
    found = read_meanings(cursor, worker.layout)
    return {name: read_rows(cursor, found[name], name) for name in LEGACY_NAMES}


def set_base(cursor: Any, found: dict[str, Fingerprint]) -> int:
    """Make ``found`` the base, and drop the journal that led to it; return how long that was."""
    cursor.execute(f"DELETE FROM {prepared.JOURNAL}")
    folded = cursor.rowcount
    cursor.execute(f"DELETE FROM {prepared.BASE}")
    for name, fingerprint in found.items():
        cursor.execute(
            f"INSERT INTO {prepared.BASE} VALUES (%s, %s, %s)",
            [name, fingerprint.rows, fingerprint.digest],
        )
    return int(folded)


def expected_rows(cursor: Any) -> dict[str, Fingerprint]:
    """Return what the rows that this transaction sees should amount to: base and journal."""
    found = rows(cursor, EXPECTED)
    return {name: Fingerprint(int(number), digest) for name, number, digest in found}
