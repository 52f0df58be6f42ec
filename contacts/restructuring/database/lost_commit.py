"""Asking how a transaction ended whose connection was lost."""

import time

from django.db import DataError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.failures import Failure
from jmsk.postgres.queries import value
from jmsk.postgres.server_errors import server_words

ASK_AGAIN = 60
"""How many seconds to ask for."""


def was_committed(connection: BaseDatabaseWrapper, transaction_id: int) -> bool:
    """Ask the server over new connections whether it committed the transaction.

    Raises Failure if it does not answer.
    """
    deadline = time.monotonic() + ASK_AGAIN
    status = "no answer"
    while time.monotonic() < deadline:
        status = transaction_status(connection, transaction_id)
        if status in ("committed", "aborted"):
            return status == "committed"
        time.sleep(0.5)
    raise Failure(
        "MC805",
        "The connection was lost at COMMIT, and the server cannot be asked how it ended "
        f"({status}). When it is back, run 'manage.py migrate_contacts --dry-run': it says which "
        "of the two the database is, and nothing in between is possible.",
    )


def transaction_status(connection: BaseDatabaseWrapper, transaction_id: int) -> str:
    """Return 'committed', 'aborted' or 'in progress', asked over a new connection, or its error."""
    fresh = connections.create_connection(connection.alias)
    try:
        with fresh.cursor() as cursor:
            status = "SELECT pg_xact_status(%s::text::xid8)"
            return str(value(cursor, status, [str(transaction_id)]))
    except DataError:  # in the future: a crash came before anything of it was on the disk
        return "aborted"
    except (OperationalError, InterfaceError) as error:
        return server_words(error)
    finally:
        fresh.close()
