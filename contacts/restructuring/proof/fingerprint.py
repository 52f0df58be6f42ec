"""Content fingerprints: the proof that no row was lost, added or changed.

A table's fingerprint is its row count and the sum of a hash over its rows. A sum does not depend on
the order of the rows, and duplicates do not cancel as they would with XOR. md5 is the same on every
version and architecture, which the server's internal hash functions do not promise: this is what a
manifest says years later. Within a run ``exact_hash`` costs a fifth. Both guard against accidents,
not against an attacker.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contacts.restructuring.proof.legacy_meaning import Source
from jmsk.postgres.queries import row
from jmsk.wording import counted

SUM_OF_HASHES = """
    SELECT count(*), coalesce(sum(('x' || left(md5(image), 16))::bit(64)::bigint), 0)::text
      FROM (SELECT ROW({columns})::text AS image FROM {table} {where}) AS rows
"""


@dataclass(frozen=True)
class Fingerprint:
    """``rows``, how many, and ``digest``, the decimal sum of their hashes."""

    rows: int
    digest: str

    def __str__(self) -> str:
        return f"{counted(self.rows, 'row')}, {self.digest}"


def take_fingerprints(cursor: Any, sources: Iterable[Source]) -> dict[str, Fingerprint]:
    """Return the fingerprint of each source, by its table's legacy name.

    The settings ``TEXT`` must be in force.
    """
    return {
        source.table: Fingerprint(*row(cursor, source.query(SUM_OF_HASHES))) for source in sources
    }
