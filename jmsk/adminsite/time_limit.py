"""How long a statement of the admin may take: the server breaks it off, wherever it waits."""

from django.conf import settings
from django.db import OperationalError, connection
from psycopg2 import errors


def limit_statements() -> None:
    """Limit each statement to ADMIN_STATEMENT_TIMEOUT seconds, until the transaction ends.

    In the transaction, since a connection pool may give the next one another session.
    """
    seconds: int = settings.ADMIN_STATEMENT_TIMEOUT
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])


def took_too_long(error: OperationalError) -> bool:
    """Return whether the server broke a statement off because of its limit."""
    return isinstance(error.__cause__, errors.QueryCanceled)
