"""The proof: what the rows mean is the same before and after, or the run is rolled back.

The good path costs two fingerprints. Only where they differ are the rows themselves compared: what
is there now is copied out, the change is rolled back to a savepoint, and both are compared in the
server, under the same locks.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.exact_hash import take_exact_fingerprints
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.proof.legacy_meaning import Source
from jmsk.postgres.queries import compose, rows

T = TypeVar("T")
FIRST_DIFFERENCES = 20
COPY_OUT = "COPY (SELECT id, ARRAY[{columns}] FROM {table} {where}) TO STDOUT"
COMPARE = f"""
    SELECT coalesce(b.id, a.id), b.cells, a.cells
      FROM (SELECT id, ARRAY[{{columns}}] AS cells FROM {{table}} {{where}}) AS b
      FULL JOIN jmsk_after AS a ON a.id = b.id
     WHERE a.cells IS DISTINCT FROM b.cells
     ORDER BY 1 LIMIT {FIRST_DIFFERENCES}
"""


class _UnequalError(Exception):
    """Carries the copied rows out of the savepoint that is rolled back."""


def prove(
    connection: BaseDatabaseWrapper,
    journal: Journal,
    before: dict[str, Fingerprint],
    sources_before: Sequence[Source],
    change: Callable[[], T],
    sources_after: Callable[[T], Sequence[Source]],
) -> tuple[T, dict[str, Fingerprint]]:
    """Make ``change`` and prove that the rows mean what they meant.

    ``before`` are the fingerprints of ``sources_before``; ``sources_after`` gives, for what the
    change returned, how to read the same meaning afterwards. Returns what the change returned and
    the fingerprints after it. Raises Failure, naming the rows, with the change undone.
    """
    spools: dict[str, Any] = {}
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            changed = change()
            sources = sources_after(changed)
            with journal.step("fingerprint after", "Proving that every row is there"):
                after = take_exact_fingerprints(cursor, sources)
            unequal = [name for name in before if before[name] != after.get(name)]
            if not unequal:
                return changed, after
            spools = {item.table: _spool(cursor, item) for item in sources if item.table in unequal}
            raise _UnequalError
    except _UnequalError:
        with connection.cursor() as cursor:
            told = [
                line
                for item in sources_before
                if item.table in spools
                for line in _differences(cursor, item, spools[item.table])
            ]
    raise Failure(
        "MC601",
        f"The proof failed: the rows of {', '.join(spools)} are not what they were. {ROLLED_BACK} "
        "The first differences:\n  " + "\n  ".join(told),
    )


def _as_text(source: Source) -> Source:
    cells = {name: compose("({})::text", value) for name, value in source.columns.items()}
    return replace(source, columns=cells)


def _spool(cursor: Any, source: Source) -> Any:
    """Copy the rows, as text, to an unnamed file that goes when it is closed."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115  # outlives this function on purpose
    cursor.copy_expert(_as_text(source).query(COPY_OUT), spool)
    spool.seek(0)
    return spool


def _differences(cursor: Any, source: Source, spool: Any) -> list[str]:
    """Say which rows of ``source`` differ from the spooled ones, and in which columns."""
    with spool, transaction.atomic(using=cursor.db.alias):
        cursor.execute("CREATE TEMP TABLE jmsk_after (id bigint, cells text[]) ON COMMIT DROP")
        cursor.copy_expert("COPY jmsk_after FROM STDIN", spool)
        found = rows(cursor, _as_text(source).query(COMPARE))
        cursor.execute("DROP TABLE jmsk_after")
    names = list(source.columns)
    return [_told(source.table, names, *row) for row in found]


def _told(
    table: str, names: list[str], key: int, before: list[str] | None, after: list[str] | None
) -> str:
    if after is None:
        return f"{table} {key}: lost"
    if before is None:
        return f"{table} {key}: was not there"
    cells = zip(names, before, after, strict=True)
    return f"{table} {key}: " + ", ".join(
        f"{name} was {was!r}, became {now!r}" for name, was, now in cells if was != now
    )
