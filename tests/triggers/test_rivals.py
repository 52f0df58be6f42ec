"""Several sessions write at random at the same time, and the rules hold at every moment.

STRESS_SECONDS=300 RIVALS=6 makes it a campaign: that many sessions, for that long, for each seed
(-s prints the figures).
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import BROKEN, assert_rules_hold

WRITES = (
    "UPDATE contacts SET company_id = {company} WHERE id = {contact}",
    "UPDATE contacts SET company_id = {company}, tenant_id = {tenant} WHERE id = {contact}",
    "UPDATE orders SET contact_id = {contact}, company_id = {company} WHERE id = {order}",
    "UPDATE orders SET contact_id = NULL WHERE id = {order}",
    "UPDATE orders SET company_id = {company}, tenant_id = {tenant} WHERE id = {order}",
    "UPDATE companies SET tenant_id = {tenant} WHERE id = {company}",
    "UPDATE companies SET default_address_id = {address} WHERE id = {company}",
    "UPDATE addresses SET is_default = true WHERE id = {address}",
    "UPDATE addresses SET company_id = {company} WHERE id = {address}",
    "UPDATE addresses SET company_id = {company}, tenant_id = {tenant} WHERE id = {address}",
    "UPDATE addresses SET is_default = false WHERE id = {address}",
    "UPDATE addresses SET is_default = (id = {address}) WHERE company_id = {company}",
    "UPDATE companies SET default_address_id = NULL WHERE id = {company}",
    "DELETE FROM addresses WHERE id = {address}",
    "UPDATE companies SET id = id + 1 WHERE id >= {company}",
    "UPDATE companies SET id = id - 1 WHERE id > {company}",
    "UPDATE contacts SET id = {contact} WHERE id = {contact} + 1",
    "UPDATE addresses SET id = id + 1 WHERE id >= {address}",
    "UPDATE addresses SET id = id - 1 WHERE id > {address}",
    "INSERT INTO addresses"
    " (id, tenant_id, company_id, is_default, street_address, city, state, zip_code)"
    " VALUES ({address}, {tenant}, {company}, {flag}, 'x', 'x', 'x', '00100')"
    " ON CONFLICT DO NOTHING",
    "INSERT INTO addresses"
    " (id, tenant_id, company_id, is_default, street_address, city, state, zip_code)"
    " VALUES ({address}, {tenant}, {company}, {flag}, 'x', 'x', 'x', '00100')"
    " ON CONFLICT (id) DO UPDATE SET is_default = EXCLUDED.is_default",
    "INSERT INTO addresses"
    " (tenant_id, company_id, is_default, street_address, city, state, zip_code)"
    " VALUES ({tenant}, {company}, {flag}, 'x', 'x', 'x', '00100')",
    "INSERT INTO orders (tenant_id, contact_id, order_number, customer_name)"
    " VALUES ({tenant}, {contact}, gen_random_uuid()::text, 'x')",
)
RIVALS = int(os.environ.get("RIVALS", "4"))
ROUNDS = 60
SECONDS = float(os.environ.get("STRESS_SECONDS", "0"))


def rounds() -> Iterator[int]:
    """Count the transactions of one session: ROUNDS, or as many as SECONDS allow."""
    end = time.monotonic() + SECONDS
    number = 0
    while number < ROUNDS or time.monotonic() < end:
        yield number
        number += 1


def draw(chance: random.Random) -> str:
    """Return a write, as chance says."""
    return chance.choice(WRITES).format(
        company=chance.randint(1, 4), contact=chance.randint(11, 13),
        order=chance.randint(21, 24), address=chance.randint(31, 36),
        tenant=chance.choice([1, 1, 1, 2]), flag=chance.choice(["true", "false"]),
    )  # fmt: skip


def write_at_random(database: Database, seed: int) -> Counter[str]:
    """Write transactions of one to three statements; return how many ended in which way.

    A refusal or a deadlock is an answer like another.
    """
    chance = random.Random(seed)  # noqa: S311  # no secret
    ended: Counter[str] = Counter()
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '20ms'")
            for _ in rounds():
                writes = [draw(chance) for _ in range(chance.choice([1, 1, 2, 3]))]
                try:
                    cursor.execute("; ".join(["BEGIN", *writes, "COMMIT"]))
                    ended["committed"] += 1
                except psycopg2.IntegrityError:
                    ended["refused"] += 1
                except psycopg2.errors.DeadlockDetected:
                    ended["deadlocks"] += 1
                cursor.execute("ROLLBACK")
    finally:
        connection.close()
    return ended


def watch(database: Database, over: threading.Event) -> tuple[int, list[str]]:
    """Read the rules' breaches, each time in one snapshot, until it is over."""
    looks, found = 0, []
    while not over.is_set():
        found += [sentence for (sentence,) in database.fetch(BROKEN)]
        looks += 1
    return looks, found


@pytest.mark.parametrize("seed", [1, 2])
def test_rules_hold_while_several_sessions_write_at_random(shop: Database, seed: int) -> None:
    shop.execute("SELECT setval('addresses_id_seq', 33)")
    over = threading.Event()
    with ThreadPoolExecutor(RIVALS + 1) as pool:
        watcher = pool.submit(watch, shop, over)
        try:
            rivals = [
                pool.submit(write_at_random, shop, seed * RIVALS + rival) for rival in range(RIVALS)
            ]
            ended = sum((rival.result() for rival in rivals), Counter[str]())
        finally:
            over.set()
        looks, found = watcher.result()
    sys.stdout.write(f"{RIVALS} sessions: {dict(ended)}, {looks} looks, {len(found)} violations\n")

    assert looks > 0
    assert found == []
    assert ended["committed"] > ROUNDS
    assert_rules_hold(shop)
