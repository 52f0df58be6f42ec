"""Several sessions write at random at the same time, and the rules hold in the end."""

import random
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.support.databases import Database
from tests.support.invariants import assert_rules_hold

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
RIVALS = 4
ROUNDS = 60


def write_at_random(database: Database, seed: int, worked: list[int]) -> None:
    """Write what chance says, ROUNDS times; a refusal or a deadlock is an answer like another."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '20ms'")
            for _ in range(ROUNDS):
                statement = chance.choice(WRITES).format(
                    company=chance.randint(1, 4), contact=chance.randint(11, 13),
                    order=chance.randint(21, 24), address=chance.randint(31, 36),
                    tenant=chance.choice([1, 1, 1, 2]), flag=chance.choice(["true", "false"]),
                )  # fmt: skip
                try:
                    cursor.execute(statement)
                except (psycopg2.IntegrityError, psycopg2.errors.DeadlockDetected):
                    continue
                worked.append(seed)
    finally:
        connection.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_rules_hold_after_several_sessions_wrote_at_random(shop: Database, seed: int) -> None:
    shop.execute("SELECT setval('addresses_id_seq', 33)")
    worked: list[int] = []
    with ThreadPoolExecutor(RIVALS) as pool:
        rivals = [
            pool.submit(write_at_random, shop, seed * RIVALS + rival, worked)
            for rival in range(RIVALS)
        ]
        for rival in rivals:
            rival.result()

    assert len(worked) > ROUNDS
    assert_rules_hold(shop)
