"""A schema of their own for Django's tables, beside those of another Django project.

The setting ``DJANGO_SCHEMA`` names it; where it is unset, the tables lie where the search path
leads. The schema comes first in the search path of each transaction, by SET LOCAL: behind a pooler
that hands out transactions, what a session was told is lost with it, or told to somebody else.
"""

import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.migrations.recorder import MigrationRecorder
from psycopg2 import sql
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from jmsk.postgres.queries import execute, is_there, listed, value

ROWS = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
"""What reads or writes rows, and may be in a transaction: CREATE INDEX CONCURRENTLY may not."""
EMPTY = ("", '""')
"""How a search path that names no schema is printed."""


def own_name(table: str) -> str:
    """Return how SQL names one of Django's tables, for ``to_regclass``."""
    return f"{settings.DJANGO_SCHEMA}.{table}" if settings.DJANGO_SCHEMA else table


def applied_migrations(connection: BaseDatabaseWrapper) -> set[tuple[str, str]]:
    """Return the migrations that this project has recorded, those of another one left out."""
    with connection.cursor() as cursor:
        if not is_there(cursor, own_name("django_migrations")):
            return set()
    return set(MigrationRecorder(connection).applied_migrations())


def _put_first(connection: BaseDatabaseWrapper, **rest: Any) -> None:
    if not settings.DJANGO_SCHEMA or connection.vendor != "postgresql":
        return
    if not any(isinstance(item, SchemaFirst) for item in connection.execute_wrappers):
        connection.execute_wrappers.append(SchemaFirst(connection))


def install() -> None:
    """Let every connection that is made put the schema first. To be called once."""
    connection_created.connect(_put_first, dispatch_uid="django_schema")


class SchemaFirst:
    """An execute wrapper: before a transaction's first statement it sets the search path.

    A statement outside of a transaction gets one.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def __call__(
        self, execute: Any, statement: Any, parameters: Any, many: bool, context: Any
    ) -> Any:
        raw = self.connection.connection
        if not settings.DJANGO_SCHEMA or raw.info.transaction_status != TRANSACTION_STATUS_IDLE:
            return execute(statement, parameters, many, context)
        if raw.autocommit and not ROWS.match(str(statement)):
            return execute(statement, parameters, many, context)
        if raw.autocommit:
            with transaction.atomic(using=self.connection.alias):
                return self(execute, statement, parameters, many, context)
        self._set_path(raw)
        return execute(statement, parameters, many, context)

    def _set_path(self, raw: Any) -> None:
        # SHOW and SET take no snapshot, which the transaction may want to take later.
        with self.connection.wrap_database_errors, raw.cursor() as cursor:
            rest = value(cursor, "SHOW search_path")
            path = listed([settings.DJANGO_SCHEMA, *([] if rest in EMPTY else [sql.SQL(rest)])])
            execute(cursor, "SET LOCAL search_path = {}", path)
