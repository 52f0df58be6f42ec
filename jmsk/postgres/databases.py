"""Whether a server has a database, and making it."""

import warnings

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from jmsk.postgres.queries import execute, value

EXISTS = "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = %s)"
CREATE = "CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0"


def is_missing(connection: BaseDatabaseWrapper, error: Exception) -> bool:
    """Whether ``error`` came of a server that has no database to which ``connection`` leads.

    The server is asked: its words are in its language, but they name the database. Where they do
    not, nobody may answer, and to ask once more would only take as long again.
    """
    if connection.settings_dict["NAME"] not in str(error):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the server's own database is used instead
        try:
            with connection._nodb_cursor() as cursor:
                return not value(cursor, EXISTS, [connection.settings_dict["NAME"]])
        except Error:
            return False


def create(connection: BaseDatabaseWrapper) -> bool:
    """Make the database that ``connection`` leads to; return False if it is there already.

    Raises django.db.Error where the server refuses.
    """
    name = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        if value(cursor, EXISTS, [name]):
            return False
        # Another process may make it meanwhile, and then this fails: nothing is lost.
        execute(cursor, CREATE, name)
    return True
