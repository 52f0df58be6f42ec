"""Ending what the server does for a session, from another thread."""

from contextlib import suppress

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import Error


def cancel_statement(connection: BaseDatabaseWrapper) -> None:
    """Ask the server to cancel the statement that ``connection`` runs, if it runs one."""
    running = connection.connection
    if running is not None:
        with suppress(Error):  # the statement has ended meanwhile
            running.cancel()
