"""Primary keys that move: what belonged together still does, or the move is refused."""

import psycopg2
import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import (
    RESTRICT,
    add_address,
    assert_refused,
    assert_rules_hold,
    default_of,
)
from tests.support.database.migrated_rows import fill

NEIGHBOURS = """
INSERT INTO companies (id, tenant_id, name) VALUES (9002, 1, 'Second'), (9001, 2, 'First');
"""
"""Two companies of two tenants, side by side."""
AS_STORED = "SET enable_indexscan = off; SET enable_bitmapscan = off; "
"""Rows are found in the order in which they are stored: the higher key has to go first."""
SHIFT = AS_STORED + "UPDATE companies SET id = id + 1 WHERE id IN (9001, 9002)"


@pytest.fixture
def shop(migrated: Database) -> Database:
    fill(migrated)
    migrated.execute(NEIGHBOURS)
    return migrated


DEPENDANTS = {
    "contact": "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (17, 1, 9002, 'Eve')",
    "order": "INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name) "
    "VALUES (17, 1, 9002, 'A-17', 'Eve')",
    "address": add_address(17, company=9002),
}


@pytest.mark.parametrize("kind", DEPENDANTS)
def test_company_does_not_hand_its_key_and_what_depends_on_it_to_the_next(
    shop: Database, kind: str
) -> None:
    shop.execute(DEPENDANTS[kind])
    shop.execute("UPDATE companies SET name = 'Last' WHERE id = 9001")

    assert_refused(
        shop,
        SHIFT,
        f"Company 9002 (tenant 1) cannot become company 9003: it still has {kind} 17",
        RESTRICT,
    )


def test_companies_that_nothing_depends_on_change_their_keys(shop: Database) -> None:
    shop.execute(SHIFT)

    assert shop.fetch("SELECT id, tenant_id FROM companies WHERE id > 9000 ORDER BY id") == [
        (9002, 2),
        (9003, 1),
    ]


def test_contact_does_not_hand_its_key_and_its_orders_to_the_next(shop: Database) -> None:
    shop.execute("UPDATE contacts SET phone = '0123456789' WHERE id = 12")  # now stored last
    shop.execute("UPDATE orders SET contact_id = NULL WHERE id = 22")

    with pytest.raises(psycopg2.IntegrityError, match=r"Contact 13 .* cannot become contact 14"):
        shop.execute(AS_STORED + "UPDATE contacts SET id = id + 1 WHERE id IN (12, 13)")
    assert_rules_hold(shop)

    shop.execute("UPDATE contacts SET id = 19 WHERE id = 12")
    assert_rules_hold(shop)


@pytest.mark.parametrize(("other", "tenant"), [(1, 1), (3, 2)], ids=["same", "other_company"])
def test_pointer_follows_the_default_address_whose_key_the_next_one_takes(
    shop: Database, other: int, tenant: int
) -> None:
    shop.execute("DELETE FROM addresses WHERE id = 32")
    shop.execute(add_address(30, company=other, tenant=tenant))

    # 31, the default of company 1, becomes 32; 30, which is none, becomes 31.
    shop.execute(AS_STORED + "UPDATE addresses SET id = id + 1 WHERE id IN (30, 31)")

    assert (default_of(shop, 1), default_of(shop, 3)) == (32, 33)


def test_default_address_changes_its_key_only_where_the_pointer_can_follow(shop: Database) -> None:
    with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_companies_default_address"):
        shop.execute("UPDATE addresses SET id = 99 WHERE id = 31")
    assert_rules_hold(shop)

    shop.execute("UPDATE addresses SET id = 99 WHERE id = 32")
    assert default_of(shop, 1) == 31


def test_key_and_default_change_in_one_statement(shop: Database) -> None:
    shop.execute("UPDATE addresses SET id = 99, is_default = true WHERE id = 32")

    assert default_of(shop, 1) == 99


def test_orders_keep_their_contact_and_company_when_their_keys_move(shop: Database) -> None:
    shop.execute("UPDATE orders SET id = id + 100")

    assert_rules_hold(shop)
    assert shop.fetch("SELECT id, company_id FROM orders ORDER BY id") == [
        (121, 1), (122, 2), (123, 3), (124, 1),
    ]  # fmt: skip
