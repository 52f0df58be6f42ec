"""The check beside the working application: every row read again, in one snapshot.

What is there must be the base and what the journal adds to it. What takes longer the more rows
there are is checked here: the company of every order, the checks before a migration, the check
rules. Then what was read becomes the base, and the journal that led to it goes: from here on the
journal is exactly what this snapshot did not see.
"""

from collections.abc import Sequence
from typing import Any

from contacts.restructuring.checks.base import Result, failed, run_checks
from contacts.restructuring.checks.before_migration import CHECKS_BEFORE
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import as_legacy
from contacts.restructuring.failures import Failure
from contacts.restructuring.preparation.filling.drain import drain
from contacts.restructuring.preparation.filling.placing import count_placed
from contacts.restructuring.preparation.installing.fences import broken_fences, read_files
from contacts.restructuring.preparation.state import Phase, note, read_state
from contacts.restructuring.preparation.verifying.base import expected_rows, read_all, set_base
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.state.expected import check_rules
from jmsk.postgres import prepared
from jmsk.postgres.queries import column

ASTRAY = f"""
    SELECT o.id FROM orders o
      LEFT JOIN customers c ON c.id = o.customer_id
      LEFT JOIN {prepared.DEFAULTS} d ON d.tenant_id = o.tenant_id
     WHERE o.company_id IS DISTINCT FROM coalesce(c.company_id, d.company_id)
"""
"""Which orders have another company than they should. Not part of an INSERT, which would keep the
server from reading in parallel."""
PENDING = f"INSERT INTO {prepared.PENDING} SELECT unnest(%s::bigint[])"


class UnfitError(Failure):
    """The preparation cannot lead to a switch as the rows are. ``results`` are the checks'."""

    def __init__(self, results: Sequence[Result]) -> None:
        names = ", ".join(result.title for result in failed(results))
        super().__init__(
            "MC906",
            f"Checks failed ({names}). What was prepared stays, and the application goes on. Put "
            "right what they found and run the same command again, or take the preparation away "
            "with 'manage.py migrate_contacts --abandon'.",
        )
        self.results = list(results)


class JournalBrokenError(Failure):
    """Something happened that the journal cannot tell of, and it has to begin anew."""


def verify(worker: Worker) -> tuple[Result, ...]:
    """Read every row again, compare, check, and let the journal begin anew from there.

    Returns the results of the checks. Raises JournalBrokenError if the journal cannot be believed,
    UnfitError if a check fails, Failure if the rows are not what the journal says.
    """
    drain(worker)
    return worker.transact(
        lambda cursor: _verify(worker, cursor), "verifying every row", snapshot=True
    )


def _verify(worker: Worker, cursor: Any) -> tuple[Result, ...]:
    with worker.journal.step("verify rows", "Reading every row again"):
        found = read_all(cursor, worker)
    broken = broken_fences(cursor, worker.layout, read_state(cursor))
    if broken:
        raise JournalBrokenError("MC907", "; ".join(broken))
    expected = expected_rows(cursor)
    if found != expected:
        raise Failure("MC904", _missed(found, expected))
    with worker.journal.step("verify companies", "Comparing the company of every order"):
        cursor.execute(f"DELETE FROM {prepared.PENDING}")
        cursor.execute(PENDING, [column(cursor, ASTRAY)])
    with worker.journal.step("checks", "Running the checks"):
        inspector = Inspector(worker.connection, cursor, as_legacy(worker.layout))
        results = run_checks(inspector, CHECKS_BEFORE)
    if failed(results):
        raise UnfitError(results)
    rules = {rule.name for _, rule in check_rules()}
    folded = set_base(cursor, found)
    note(
        cursor,
        Phase.VERIFIED,
        files=read_files(cursor, worker.layout),
        broken_rules=[item.id for item in results if item.id in rules and item.finding.count],
        folded=folded,
        placed_early=count_placed(cursor),
    )
    cursor.execute(f"UPDATE {prepared.STATE} SET notes = notes || "
                   "jsonb_build_object('verified', clock_timestamp())")  # fmt: skip
    return tuple(results)


def _missed(found: dict[str, Fingerprint], expected: dict[str, Fingerprint]) -> str:
    told = "; ".join(
        f"{name}: {found[name]} are there, {expected[name]} should be"
        for name in found
        if found[name] != expected[name]
    )
    return (
        f"The rows are not what the journal says ({told}): something was written past it. What "
        "was prepared stays, the application goes on, and nothing is switched. Find out what "
        f"writes to these tables without firing triggers, then run 'manage.py "
        "migrate_contacts --abandon' and prepare again, or migrate offline."
    )
