"""Writers beside a preparation and a switch, and what its triggers cost one of them."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

import psycopg2
from psycopg2 import errors

from tests.support.database.databases import Database

THREADS = 4
REQUESTS_A_SECOND = 40
WRITES = 1000
WARM_UP = 50
GONE = (errors.UndefinedTable, errors.UndefinedColumn)
"""What they are told once the database is migrated."""
ONE_ORDER = "UPDATE orders SET price = coalesce(price, 0) + 1 WHERE id = %s"
STATEMENTS = (
    ONE_ORDER,
    "UPDATE customers SET phone = '0123456789' WHERE id = %s",
    "UPDATE customers SET updated_at = now() WHERE id = %s",
    "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name)"
    " SELECT tenant_id, gen_random_uuid()::text, id, name FROM customers WHERE id = %s",
    "SELECT name, company_id FROM customers WHERE id = %s",
)
NUMBER = "SELECT max(id) FROM customers"


@dataclass
class Writers:
    """The seconds of each request, and whether to go on."""

    database: Database
    seconds: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def work(self, seed: int, most: int) -> None:
        """Send requests at their times, late or not, until told to stop or the tables are gone."""
        chance = random.Random(seed)  # noqa: S311  # which request comes next
        every = THREADS / REQUESTS_A_SECOND
        connection = self.database.connect()
        began = time.monotonic()
        due = began + chance.random() * every
        try:
            while not self.stop.wait(max(0.0, due - time.monotonic())):
                began = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute(chance.choice(STATEMENTS), [chance.randint(1, most)])
                self.seconds.append(time.monotonic() - began)
                due += every
        except GONE:  # what waited for the switch had to wait as well
            self.seconds.append(time.monotonic() - began)
        finally:
            connection.close()

    def percentile(self, share: int) -> float:
        """Return the seconds that ``share`` of a hundred requests took at most."""
        return quantiles(self.seconds, n=100, method="inclusive")[share - 1]


@contextmanager
def at_work(database: Database) -> Iterator[Writers]:
    """Writers inside: 40 requests a second in all."""
    writers = Writers(database)
    most = int(database.value(NUMBER))
    threads = [
        threading.Thread(target=writers.work, args=(number, most)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        writers.stop.set()
        for thread in threads:
            thread.join()


def write_cost(database: Database) -> float:
    """Return the median seconds of changing one order, its COMMIT included, of WRITES times."""
    chance = random.Random(1)  # noqa: S311  # which rows
    most = int(database.value("SELECT max(id) FROM orders"))
    connection = psycopg2.connect(database.url)
    connection.autocommit = True
    taken = []
    try:
        with connection.cursor() as cursor:
            for _ in range(WARM_UP + WRITES):
                began = time.monotonic()
                cursor.execute(ONE_ORDER, [chance.randint(1, most)])
                taken.append(time.monotonic() - began)
    finally:
        connection.close()
    return quantiles(taken[WARM_UP:], n=2)[0]


def round_trips(database: Database) -> float:
    """Return the seconds of a thousand of the shortest statements: what a lock is measured by."""
    connection = psycopg2.connect(database.url)
    try:
        with connection.cursor() as cursor:
            began = time.monotonic()
            for _ in range(1000):
                cursor.execute("SELECT 1")
            return time.monotonic() - began
    finally:
        connection.close()
