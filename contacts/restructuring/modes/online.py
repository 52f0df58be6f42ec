"""The online road: preparing beside the working application, and taking that away again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import DatabaseError, InterfaceError

from contacts.models import RestructuringRun
from contacts.restructuring.changes.run_row import recorded
from contacts.restructuring.checks.base import Result
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.transaction import recovery_point
from contacts.restructuring.failures import INTERRUPTED, Failure
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.dry_run import validate
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.preparation.abandon import abandon as abandon_preparation
from contacts.restructuring.preparation.prepare import prepare as prepare_tables
from contacts.restructuring.preparation.verifying.verify import UnfitError
from contacts.restructuring.preparation.work import Worker, run_lock_held
from contacts.restructuring.reports.results import result_lines
from jmsk.postgres.server_errors import server_words

CONSEQUENCES = (
    "the application goes on working; each table is locked for some milliseconds",
    "customers and orders get new columns, which the application does not know",
    "triggers note, in a journal, the hash of each row that the application changes",
    "orders get their company in short transactions, then the new indexes are made",
    "nothing that the application sees changes; --abandon takes all of it away",
)
ABANDON_CONSEQUENCES = (
    "the new columns, indexes, triggers and the journal go; the application goes on working",
    "what the application wrote meanwhile stays",
)


def prepare(operation: Operation) -> None:
    """Prepare the database beside the working application, from wherever it stands."""
    if operation.layout.stage is Stage.LEGACY:
        operation.say_database()
        validate(operation)
        operation.refuse_failed(operation.report.before)
        steps.section(operation, "READY TO PREPARE")
        operation.say_database()
        steps.confirm(operation, CONSEQUENCES)
    steps.section(operation, "PREPARING ONLINE")
    stays = "What was prepared stays, and the application goes on."
    with resumable(operation, stays), run_lock_held(operation.connection):
        try:
            results = prepare_tables(worker(operation))
            _record(operation, RestructuringRun.Kind.PREPARATION, results)
        except UnfitError as unfit:
            operation.say(*result_lines(unfit.results))
            raise
    operation.report.before = results
    operation.report.stage = Stage.PREPARED
    operation.nothing_to_do(
        "Prepared and verified: 'manage.py migrate_contacts' switches, locked for less than a "
        "second. Until then run --prepare again once a day: it reads every row and empties the "
        "journal."
    )


def abandon(operation: Operation) -> None:
    """Take a preparation away: the database as it was, with what the application wrote."""
    steps.section(operation, "READY TO ABANDON THE PREPARATION")
    operation.say_database()
    steps.confirm(operation, ABANDON_CONSEQUENCES)
    stays = "Some of the preparation is gone, the rest goes when --abandon is run again."
    with resumable(operation, stays), run_lock_held(operation.connection):
        with operation.journal.step("abandon", "Taking the preparation away"):
            abandon_preparation(worker(operation))
        _record(operation, RestructuringRun.Kind.ABANDONMENT)
    operation.report.stage = Stage.LEGACY
    operation.nothing_to_do("The preparation is gone: the database is legacy again.")


def _record(
    operation: Operation, kind: RestructuringRun.Kind, results: Sequence[Result] = ()
) -> None:
    """Record that the work came to its end, where this database has a table of runs."""
    connection, report, journal = operation.connection, operation.report, operation.journal

    def write(cursor: Any) -> None:
        point = recovery_point(cursor)
        with recorded(connection, cursor, kind, point, report.started, journal) as checks:
            checks.extend(results)

    worker(operation).transact(write, "recording the run")


def worker(operation: Operation) -> Worker:
    """Return who does the work of the operation beside the application."""
    pace = replace(operation.options.pace, max_replica_lag=operation.options.max_replica_lag)
    place = operation.options.place_early
    return Worker(
        operation.connection, operation.layout, operation.journal, pace, place_early=place
    )


@contextmanager
def resumable(operation: Operation, stays: str) -> Iterator[None]:
    """Let what breaks off inside end in a Failure that says what ``stays`` and how to go on."""
    try:
        yield
    except (DatabaseError, InterfaceError, KeyboardInterrupt) as error:
        operation.connection.close()
        step = operation.journal.current
        interrupted = operation.journal.interrupt.signal or isinstance(error, KeyboardInterrupt)
        raise Failure(
            "MC912",
            f"{'Interrupted' if interrupted else 'Broken off'} ({server_words(error)}) at the step "
            f"'{step}'. {stays} Run the same command again: it goes on from there.",
            INTERRUPTED if interrupted else 1,
        ) from error
