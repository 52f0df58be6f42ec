"""The bridge: typical statements of the legacy application, through its views and on the tables."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from psycopg2 import extensions

from tests.support.database.databases import Database

STATEMENTS = 1000
"""Of each kind, one transaction each."""
WARM_UP = 50
Row = tuple[Any, ...]

CUSTOMER = "id, tenant_id, name, email, phone, company_id, created_at, updated_at"
ORDER_PAGE = (
    "SELECT o.id, o.order_number, o.status, c.name, c.email FROM orders o LEFT JOIN {people} c "
    "ON c.id = o.{person} WHERE o.tenant_id = %s ORDER BY o.id DESC LIMIT 50"
)


@dataclass(frozen=True)
class Kind:
    """A kind of statement. ``values`` makes those of one statement of a contact and a number."""

    name: str
    statement: str
    values: Callable[[Row, str], list[Any]]


KINDS = (
    Kind("by id", f"SELECT {CUSTOMER} FROM {{people}} WHERE id = %s", lambda row, _: [row[0]]),
    Kind(
        "by e-mail",
        f"SELECT {CUSTOMER} FROM {{people}} WHERE tenant_id = %s AND email = %s",
        lambda row, _: [row[1], row[2]],
    ),
    Kind(
        "of a company",
        f"SELECT {CUSTOMER} FROM {{people}} WHERE tenant_id = %s AND company_id = %s ORDER BY id",
        lambda row, _: [row[1], row[3]],
    ),
    Kind("order page", ORDER_PAGE, lambda row, _: [row[1]]),
    Kind(
        "customer added",
        "INSERT INTO {people} (tenant_id, name, email, company_id) VALUES (%s, %s, %s, %s) "
        "RETURNING id",
        lambda row, number: [row[1], "New", f"new{number}@benchmark.example", row[3]],
    ),
    Kind(
        "customer changed",
        "UPDATE {people} SET name = %s, updated_at = now() WHERE id = %s",
        lambda row, number: [f"Name {number}", row[0]],
    ),
    Kind(
        "order added",
        "INSERT INTO orders (tenant_id, order_number, {person}, customer_name) "
        "VALUES (%s, %s, %s, 'New') RETURNING id",
        lambda row, number: [row[1], f"benchmark {number}", row[0]],
    ),
    Kind(
        "order changed",
        "UPDATE orders SET price = %s, updated_at = now() "
        "WHERE id = (SELECT max(id) FROM orders WHERE {person} = %s)",
        lambda row, number: [len(number), row[0]],
    ),
)
PATHS = {
    "tables": ("public", {"people": "contacts", "person": "contact_id"}),
    "bridge": ("legacy, public", {"people": "customers", "person": "customer_id"}),
}
"""The search path, and the names that mean customers there."""


def measure(databases: dict[str, Database]) -> dict[str, float]:
    """Return the seconds that STATEMENTS of each kind took, by "kind, path".

    Parameters: ``databases``, equal ones, by path: one without a bridge, one with it. They are
    measured in turns, a statement of each, so that what else goes on strikes both.
    """
    took = {}
    with ExitStack() as stack:
        cursors = {
            path: stack.enter_context(_session(database, PATHS[path][0]))
            for path, database in databases.items()
        }
        stack.enter_context(_processors(cursors["tables"], cursors["bridge"]))
        # Each reads them, so that each finds the same in its memory.
        contacts = {path: _contacts(cursor) for path, cursor in cursors.items()}["tables"]
        numbers = itertools.count(1)
        for kind in KINDS:
            for path, seconds in _time(kind, cursors, contacts, numbers).items():
                took[f"{kind.name}, {path}"] = seconds
    return took


@contextmanager
def _session(database: Database, path: str) -> Iterator[extensions.cursor]:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        # What is compared is the work of a statement, not that of the disk.
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SELECT set_config('search_path', %s, false)", [path])
        yield cursor


@contextmanager
def _processors(*cursors: extensions.cursor) -> Iterator[None]:
    """Give the client a processor, and the two sessions of a server on this machine another.

    To wake a process on another processor takes half as long as a short statement. Left to the
    scheduler, that meets one of the two sessions and not the other, whichever it is.
    """
    local = all(cursor.connection.info.host.startswith("/") for cursor in cursors)
    if not (local and hasattr(os, "sched_setaffinity")):
        yield
        return
    before = os.sched_getaffinity(0)
    client, *others = sorted(before)
    with suppress(PermissionError, ProcessLookupError):  # another user's, or in a container
        for cursor in cursors:
            os.sched_setaffinity(cursor.connection.get_backend_pid(), others[:1] or {client})
    os.sched_setaffinity(0, {client})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _contacts(cursor: extensions.cursor) -> list[Row]:
    cursor.execute(
        "SELECT id, tenant_id, email, company_id FROM public.contacts "
        "WHERE email IS NOT NULL AND placed_in_company_id IS NULL ORDER BY md5(id::text) LIMIT %s",
        [STATEMENTS + WARM_UP],
    )
    found = cursor.fetchall()
    return list(itertools.islice(itertools.cycle(found), STATEMENTS + WARM_UP))


def _time(
    kind: Kind,
    cursors: dict[str, extensions.cursor],
    contacts: list[Row],
    numbers: Iterator[int],
) -> dict[str, float]:
    took = dict.fromkeys(cursors, 0.0)
    for place, row in enumerate(contacts):
        number = f"{next(numbers)}"
        # The second of a pair finds the processor warm: each is it every other time.
        for path in list(cursors)[:: -1 if place % 2 else 1]:
            statement = kind.statement.format(**PATHS[path][1])
            started = time.monotonic()
            cursors[path].execute(statement, kind.values(row, number))
            if place >= WARM_UP:
                took[path] += time.monotonic() - started
    return took
