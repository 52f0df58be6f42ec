"""Reading the tables beside others: whoever keeps readers out is named, and waited for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.db import OperationalError, ProgrammingError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import errors

from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.locking.blockers import blocking_sessions
from contacts.restructuring.database.locking.locks import gave_up_waiting, lock
from contacts.restructuring.database.locking.patience import (
    EVERYDAY_PATIENCE,
    Patience,
    retry_until_free,
)
from contacts.restructuring.database.settings import (
    NO_LIMITS,
    TEXT,
    apply_reading_settings,
    set_local,
)
from contacts.restructuring.database.tables import Table, find_relations
from jmsk.postgres.queries import rows
from jmsk.postgres.references import foreign_keys_to

MODE = "ACCESS SHARE"
SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"
RECORDS = (
    "django_migrations",
    "contacts_restructuringrun",
    "auth_user_tenants",
    "alembic_version",
)
"""What is read beside the tables themselves, to know what was done to them."""
READ = """
    SELECT n.nspname, c.relname, c.oid::bigint, c.relkind::text, pg_get_userbyid(c.relowner)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p')
       AND (c.oid = ANY(%(tables)s::oid[])
            OR n.nspname = ANY(%(schemas)s) AND c.relname = ANY(%(names)s))
       AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
     ORDER BY n.nspname, c.relname
"""
"""Our tables and those that refer to them. What the role may not read, a check tells."""


@contextmanager
def reading_transaction(
    connection: BaseDatabaseWrapper,
    patience: Patience,
    wait: Callable[[str], None],
    characteristics: str = "",
) -> Iterator[Any]:
    """Open a transaction that reads the tables without waiting for anybody; give its cursor.

    Before, it waits with ``patience`` for who keeps readers out, and tells ``wait`` who it is. The
    tables cannot be altered until the transaction ends. ``characteristics`` are those of SET
    TRANSACTION. A snapshot that they ask for is not taken before the tables are held: one that is
    older than a rewrite would find a rewritten table empty.

    Raises Failure after the last try.
    """
    with ExitStack() as stack:
        attempt = partial(_try, connection, stack, patience, characteristics)
        retry_until_free(attempt, "read", patience, wait)
        with connection.cursor() as cursor:
            yield cursor


def _try(
    connection: BaseDatabaseWrapper, stack: ExitStack, patience: Patience, characteristics: str
) -> list[str] | None:
    """Open the transaction on ``stack`` and return None, or say who is in the way."""
    with connection.cursor() as cursor:
        tables = _readable(cursor)
    try:
        for table in tables:
            _wait_for(connection, table, patience)
        with ExitStack() as attempt:
            attempt.enter_context(transaction.atomic(using=connection.alias, durable=True))
            with connection.cursor() as cursor:
                _hold(cursor, tables, characteristics)
            stack.push(attempt.pop_all())
            return None
    except OperationalError as error:
        if not gave_up_waiting(error):
            raise
    except ProgrammingError as error:
        if not isinstance(error.__cause__, errors.UndefinedTable | errors.InvalidSchemaName):
            raise
        return ["a session that has just renamed or dropped a table"]
    with connection.cursor() as cursor:
        return blocking_sessions(cursor, [(table, MODE) for table in tables])


def _readable(cursor: Any) -> list[Table]:
    found = find_relations(cursor)
    schemas = sorted({table.schema for table in found})
    ours = [table.oid for table in found]
    tables = [*ours, *(key.oid for key in foreign_keys_to(cursor, ours, partitions=True))]
    schemas.append(settings.DJANGO_SCHEMA)
    wanted = {"tables": tables, "schemas": schemas, "names": list(RECORDS)}
    return [Table(*row) for row in rows(cursor, READ, wanted)]


def _wait_for(connection: BaseDatabaseWrapper, table: Table, patience: Patience) -> None:
    """Wait until ``table`` can be read, with no lock on another one.

    Who alters several tables in a transaction would else wait for us while we wait for them, and
    the server ends such a deadlock by breaking off one of both: not always us.
    """
    with transaction.atomic(using=connection.alias, durable=True), connection.cursor() as cursor:
        set_local(cursor, {**NO_LIMITS, "lock_timeout": patience.timeout})
        lock(cursor, table, MODE)


def _hold(cursor: Any, tables: list[Table], characteristics: str) -> None:
    """Lock the tables, without waiting, before a snapshot is taken: a SELECT would take one."""
    if characteristics:
        cursor.execute(f"SET TRANSACTION {characteristics}")
    set_local(cursor, {**NO_LIMITS, **TEXT})
    for table in tables:
        lock(cursor, table, MODE, wait=False)


@contextmanager
def reading_snapshot(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    patience: Patience = EVERYDAY_PATIENCE,
    wait: Callable[[str], None] = lambda told: None,
) -> Iterator[Inspector]:
    """Give a :class:`Inspector` in one read-only snapshot, in which nothing can be changed.

    Who keeps readers out of the tables is waited for with ``patience``; ``wait`` is told who.
    """
    with reading_transaction(connection, patience, wait, SNAPSHOT) as cursor:
        apply_reading_settings(cursor, layout.schema)
        yield Inspector(connection, cursor, layout)
