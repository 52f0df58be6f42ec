"""Preparing a database online within this process, and what a test asks of it."""

from typing import Any

from django.db import connections

from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.journal import Event, Journal
from contacts.restructuring.preparation.abandon import abandon
from contacts.restructuring.preparation.pace import FAST
from contacts.restructuring.preparation.prepare import prepare
from contacts.restructuring.preparation.work import Worker, run_lock_held
from tests.support.database.databases import Database


class Stopped(Exception):  # noqa: N818  # no error: the test's own way to stop a preparation
    """Stops a preparation where a test wants it to."""


def worker(**options: Any) -> Worker:
    """Return one that prepares Django's default database, fast."""
    connection = connections["default"]
    journal = Journal(options.pop("listener", lambda event: None))
    return Worker(connection, read_layout(connection), journal, **{"pace": FAST, **options})


def stop_before(step: str) -> Any:
    """Return a listener that stops the preparation when ``step`` begins."""

    def hear(event: Event) -> None:
        if (event.kind, event.step) == ("begin", step):
            raise Stopped

    return hear


def prepare_whole(**options: Any) -> Any:
    """Prepare Django's default database from wherever it stands; return the checks' results."""
    one = worker(**options)
    with run_lock_held(one.connection):
        return prepare(one)


def prepare_until(step: str, **options: Any) -> None:
    """Prepare until ``step`` would begin."""
    try:
        prepare_whole(listener=stop_before(step), **options)
    except Stopped:
        return
    raise AssertionError(f"the preparation had no step {step}")


def abandon_whole(**options: Any) -> None:
    """Take the preparation of Django's default database away."""
    one = worker(**options)
    with run_lock_held(one.connection):
        abandon(one)


def sorted_dump(database: Database) -> list[str]:
    """Return the lines of pg_dump in an order that does not depend on where rows lie."""
    return sorted(database.dump().splitlines())


def phase(database: Database) -> str:
    """Return which phase of the preparation is next."""
    return str(database.value("SELECT phase FROM jmsk_preparation"))
