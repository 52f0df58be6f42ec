"""The bridge: typical statements of the legacy application, through its views and on the tables."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg2 import extensions

from tests.support.databases import Database

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


def measure(database: Database, path: str) -> dict[str, float]:
    """Return the seconds that STATEMENTS of each kind took on the ``path``, by "kind, path"."""
    schemas, names = PATHS[path]
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            # What is compared is the work of a statement, not that of the disk.
            cursor.execute("SET synchronous_commit = off")
            cursor.execute("SELECT set_config('search_path', %s, false)", [schemas])
            contacts, numbers = _contacts(cursor), itertools.count(1)
            return {
                f"{kind.name}, {path}": _time(cursor, kind, names, contacts, numbers, path)
                for kind in KINDS
            }
    finally:
        connection.close()


def _contacts(cursor: extensions.cursor) -> list[Row]:
    cursor.execute(
        "SELECT id, tenant_id, email, company_id FROM public.contacts "
        "WHERE email IS NOT NULL AND placed_in_company_id IS NULL ORDER BY id"
    )
    found = cursor.fetchall()
    return random.Random(1).choices(found, k=STATEMENTS + WARM_UP)  # noqa: S311  # which rows


def _time(
    cursor: extensions.cursor,
    kind: Kind,
    names: dict[str, str],
    contacts: list[Row],
    numbers: Iterator[int],
    path: str,
) -> float:
    statement = kind.statement.format(**names)
    started = 0.0
    for place, row in enumerate(contacts):
        if place == WARM_UP:
            started = time.monotonic()
        cursor.execute(statement, kind.values(row, f"{path} {next(numbers)}"))
    return time.monotonic() - started
