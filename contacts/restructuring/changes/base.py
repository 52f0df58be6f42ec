"""The frame of every change: what is done around it, in order, in the one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.models import RestructuringRun
from contacts.restructuring.backup.writer import backed_up
from contacts.restructuring.changes.context import ChangeContext, ChangeResult, Fingerprints, Plan
from contacts.restructuring.changes.run_row import complete_run
from contacts.restructuring.checks.base import Check, Result, failed, run_checks
from contacts.restructuring.database.costs import Space, tables_size, wal_position, wal_since
from contacts.restructuring.database.transaction import (
    RecoveryPoint,
    TransactionResult,
    run_in_transaction,
)
from contacts.restructuring.failures import Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.exact_hash import take_exact_fingerprints
from contacts.restructuring.proof.legacy_meaning import Source, plain_source
from contacts.restructuring.proof.prove import prove


class FailedChecksError(Failure):
    """Checks failed under the lock, and all was rolled back. ``results`` are their results."""

    def __init__(self, results: Sequence[Result]) -> None:
        names = ", ".join(result.title for result in failed(results))
        super().__init__(
            "MC302",
            f"Checks failed under the lock ({names}), so everything was rolled back: the database "
            "is as it was. What they found is listed with their results.",
        )
        self.results = results


def require_passed(results: Sequence[Result]) -> None:
    """Raise FailedChecksError if one of the checks failed."""
    if failed(results):
        raise FailedChecksError(results)


class Change(ABC):
    """A change of the database, in the parts in which one differs from another."""

    kind: ClassVar[RestructuringRun.Kind]
    backs_up_again: ClassVar[bool] = True
    """Whether a backup is taken again, under the lock, if somebody has written since it was."""

    def checks(self, context: ChangeContext) -> Sequence[Check]:
        """Return the checks to run again under the lock."""
        return ()

    def before_lock(self, cursor: Any, journal: Journal) -> None:  # noqa: B027  # may be nothing
        """Do, in the transaction, what needs no lock on the tables."""

    @abstractmethod
    def sources(self, context: ChangeContext) -> Sequence[Source]:
        """Return how to read the tables, before the change, in the meaning that it must keep."""

    def fingerprint(self, context: ChangeContext, sources: Sequence[Source]) -> Fingerprints:
        """Return the fingerprints of ``sources`` before the change."""
        with context.journal.step("fingerprint before", "Taking the fingerprint of every row"):
            return take_exact_fingerprints(context.cursor, sources)

    @abstractmethod
    def prove(
        self, context: ChangeContext, sources: Sequence[Source], before: Fingerprints
    ) -> tuple[RestructuringRun, Fingerprints]:
        """Make the change, prove it, and return the run's row and the fingerprints after it.

        Raises Failure where the rows are not what they have to be.
        """

    def verify(self, context: ChangeContext) -> Sequence[Result]:
        """Look at the whole result. Raises Failure where it is not as it has to be."""
        return ()

    def counts(
        self, context: ChangeContext, run: RestructuringRun, after: Fingerprints
    ) -> Mapping[str, int]:
        """Return what was changed, by name."""
        return {name: fingerprint.rows for name, fingerprint in after.items()}


class FingerprintedChange(Change):
    """A change that keeps the meaning of every row, which fingerprints prove."""

    @abstractmethod
    def make(self, context: ChangeContext) -> RestructuringRun:
        """Change the database and return the run's row, which is begun with it."""

    @abstractmethod
    def sources_after(self, context: ChangeContext, run: RestructuringRun) -> Sequence[Source]:
        """Return how to read the same meaning after the change."""

    def prove(
        self, context: ChangeContext, sources: Sequence[Source], before: Fingerprints
    ) -> tuple[RestructuringRun, Fingerprints]:
        return prove(
            context.connection,
            context.journal,
            before,
            sources,
            lambda: self.make(context),
            lambda run: self.sources_after(context, run),
        )


def run_change(
    change: Change, connection: BaseDatabaseWrapper, plan: Plan, journal: Journal
) -> TransactionResult[ChangeResult]:
    """Make ``change`` in one transaction and prove it before COMMIT.

    Raises Failure, with the database as it was, when a lock cannot be had, the proof fails, a check
    fails, or something else stands in the way.
    """

    def work(cursor: Any, point: RecoveryPoint) -> ChangeResult:
        return _run(change, ChangeContext(connection, cursor, journal, plan, point))

    def before_lock(cursor: Any) -> None:
        change.before_lock(cursor, journal)

    return run_in_transaction(
        connection, replace(plan.options, before_lock=before_lock), journal, work
    )


def _run(change: Change, context: ChangeContext) -> ChangeResult:
    cursor = context.cursor
    _check_again(change, context)
    wal, size = wal_position(cursor), tables_size(cursor)
    sources = change.sources(context)
    before = change.fingerprint(context, sources)
    backup_path, repeated = context.plan.backup_path, False
    if change.backs_up_again:
        backup_path, repeated = back_up_again_if_stale(context, sources, before)
    run, after = change.prove(context, sources, before)
    results = change.verify(context)
    result = ChangeResult(
        before,
        after,
        Space(size, tables_size(cursor), wal_since(cursor, wal)),
        tuple(results),
        change.counts(context, run, after),
        backup_path,
        repeated,
    )
    complete_run(run, context, result)
    return result


def _check_again(change: Change, context: ChangeContext) -> None:
    checks = change.checks(context)
    if not checks:
        return
    with context.journal.step("checks under lock", "Running the checks again, under the lock"):
        results = run_checks(context.inspector, checks)
    require_passed(results)


def back_up_again_if_stale(
    context: ChangeContext, sources: Sequence[Source], before: Fingerprints
) -> tuple[Path | None, bool]:
    """Take the backup again, under the lock, if somebody has written since it was taken.

    ``before`` are the fingerprints of ``sources``, which may be of the tables as they stand.
    Returns where the backup lies, and whether it was taken again.
    """
    plan = context.plan
    if plan.expected is None or plan.back_up is None:
        return plan.backup_path, False
    tables = [plain_source(table) for table in backed_up(context.layout)]
    now = before if tables == list(sources) else take_exact_fingerprints(context.cursor, tables)
    if now == plan.expected:
        return plan.backup_path, False
    context.journal.wait(
        "somebody wrote since the backup was taken; it is taken again, under the lock"
    )
    with context.journal.step("backup under lock", "Taking the backup again, under the lock"):
        return plan.back_up(context.inspector), True
