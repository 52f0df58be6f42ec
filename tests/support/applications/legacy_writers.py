"""The legacy application at work: threads that write to the legacy tables until they are gone."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import errors, extensions

from tests.support.database.databases import Database

PAUSE = 0.01
"""Seconds between two requests of a thread."""
MOST_REQUESTS = 20_000
ANY_CUSTOMER = "(SELECT id FROM customers ORDER BY id OFFSET {step} LIMIT 1)"
REQUESTS = (
    "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name, price)"
    f" SELECT tenant_id, '{{number}}', id, name, 0.1 FROM customers WHERE id = {ANY_CUSTOMER}",
    "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (1, '{number}', 'walk-in')",
    "UPDATE orders SET price = price + 1, updated_at = now() WHERE order_number = '{one}'",
    f"UPDATE customers SET company_id = NULL WHERE id = {ANY_CUSTOMER}",
    "UPDATE customers SET company_id = (SELECT max(c.id) FROM companies c"
    f" WHERE c.tenant_id = customers.tenant_id) WHERE id = {ANY_CUSTOMER}",
    f"UPDATE customers SET phone = '01234567{{step}}' WHERE id = {ANY_CUSTOMER}"
    " AND phone IS NOT NULL",
    f"SELECT name, company_id FROM customers WHERE id = {ANY_CUSTOMER}",
    "SELECT count(*) FROM orders WHERE customer_id = 5",
)
GONE = (errors.UndefinedTable, errors.UndefinedColumn)
"""What the application is told once the database is migrated."""


@dataclass
class Application:
    """What it wrote: the numbers of the orders that are there for certain, and its waits."""

    database: Database
    orders: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def work(self, seed: int) -> None:
        """Send requests until it is stopped, or the tables are gone."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        connection: extensions.connection | None = None
        mine: list[str] = ["none"]
        for number in range(MOST_REQUESTS):
            if self._stop.wait(PAUSE * chance.random() * 2):
                break
            name = f"W{seed}-{number}"
            request = chance.choice(REQUESTS).format(
                number=name, one=chance.choice(mine), step=chance.randrange(10, 60)
            )
            try:
                connection = connection or self.database.connect()
                begun = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute(request)
                    wrote = cursor.rowcount == 1 and name in request
                self.seconds.append(time.monotonic() - begun)
                if wrote:
                    mine.append(name)
                    self.orders.add(name)
            except GONE:
                break
            except psycopg2.Error as error:
                # Whatever the server itself refuses has a code; what is lost on the way has none.
                away = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
                if error.pgcode and not away and connection and not connection.closed:
                    self.refused.append(f"{request}: {error}")
                    continue
                connection = None  # the server is away; what was sent may be there or not
        if connection:
            connection.close()

    def stop(self) -> None:
        """Let the threads come to their end."""
        self._stop.set()


@contextlib.contextmanager
def at_work(database: Database, seed: int, threads: int = 2) -> Iterator[Application]:
    """Let the application work inside."""
    application = Application(database)
    workers = [
        threading.Thread(target=application.work, args=(seed * 10 + number,))
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    try:
        yield application
    finally:
        application.stop()
        for worker in workers:
            worker.join(60)
