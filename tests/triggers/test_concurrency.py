"""The triggers hold between two sessions that overlap, at READ COMMITTED.

Each pair is tried in both orders: the first session writes and stays open, the second one writes
and must wait; then the first commits. Whoever comes second meets what the first one left.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg2
import pytest
from _pytest.mark import ParameterSet
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # it is a class

from tests.support.database.databases import Database
from tests.support.database.invariants import add_address, assert_rules_hold, default_of
from tests.support.waiting import wait_until

PATIENCE = 20.0  # seconds until a test gives up waiting for a session to block or to end


def attempt(cursor: Cursor, statement: str) -> str | None:
    """Run a statement and return its refusal, or None where it worked."""
    try:
        cursor.execute(statement)
    except psycopg2.IntegrityError as error:
        return error.diag.message_primary
    return None


def wait_until_blocked(database: Database, pid: int, running: Future[str | None]) -> bool:
    """Return whether the session waits for another one; False once it has ended instead."""
    blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
    wait_until(lambda: running.done() or database.value(blocked, [pid]), PATIENCE)
    return not running.done()


def overlap(database: Database, first: str, second: str) -> tuple[bool, str | None]:
    """Write `second` while `first` is uncommitted: did it wait, and how was it refused."""
    one, two = database.connect(), database.connect()
    try:
        with one.cursor() as left, two.cursor() as right, ThreadPoolExecutor(1) as pool:
            left.execute(f"BEGIN; {first}")
            running = pool.submit(attempt, right, second)
            waited = wait_until_blocked(database, two.info.backend_pid, running)
            left.execute("COMMIT")
            return waited, running.result(PATIENCE)
    finally:
        one.close()
        two.close()


NEW_CONTACT = "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (17, 1, 4, 'Eve')"
NEW_ORDER = (
    "INSERT INTO orders (id, tenant_id, contact_id, company_id, order_number, customer_name) "
    "VALUES (29, 1, {}, {}, 'A-29', 'New')"
)
MOVE_COMPANY = "UPDATE companies SET tenant_id = 2 WHERE id = 4"
MOVE_KEY = "UPDATE companies SET id = 9 WHERE id = 4"
MOVE_CONTACT = "UPDATE contacts SET company_id = 4 WHERE id = 11"

# name: two writes of which the second must wait, and be refused so in one order and in the other.
EXCLUSIVE = {
    "company_changes_tenant_and_contact_is_added": (
        MOVE_COMPANY, NEW_CONTACT,
        "Contact 17 (tenant 1) cannot belong to company 4 (tenant 2)",
        "Company 4 (tenant 1) cannot move to tenant 2: it still has contact 17",
    ),
    "company_changes_tenant_and_contact_arrives": (
        MOVE_COMPANY, MOVE_CONTACT,
        "Contact 11 (tenant 1) cannot belong to company 4 (tenant 2)",
        "Company 4 (tenant 1) cannot move to tenant 2: it still has contact 11, order 21",
    ),
    "company_changes_tenant_and_order_is_added": (
        MOVE_COMPANY, NEW_ORDER.format("NULL", 4),
        "Order 29 (tenant 1) cannot belong to company 4 (tenant 2)",
        "Company 4 (tenant 1) cannot move to tenant 2: it still has order 29",
    ),
    "company_changes_tenant_and_order_arrives": (
        MOVE_COMPANY, "UPDATE orders SET company_id = 4 WHERE id = 24",
        "Order 24 (tenant 1) cannot belong to company 4 (tenant 2)",
        "Company 4 (tenant 1) cannot move to tenant 2: it still has order 24",
    ),
    "company_changes_tenant_and_address_is_added": (
        MOVE_COMPANY, add_address(41, company=4),
        "Address 41 (tenant 1) cannot belong to company 4 (tenant 2)",
        "Company 4 (tenant 1) cannot move to tenant 2: it still has address 41",
    ),
    "company_is_deleted_and_contact_is_added": (
        "DELETE FROM companies WHERE id = 4", NEW_CONTACT,
        "Contact 17 (tenant 1) names company 4, which does not exist",
        "Company 4 (tenant 1) cannot be deleted: it still has contact 17",
    ),
    "company_is_deleted_and_contact_arrives": (
        "DELETE FROM companies WHERE id = 4", MOVE_CONTACT,
        "Contact 11 (tenant 1) names company 4, which does not exist",
        "Company 4 (tenant 1) cannot be deleted: it still has contact 11",
    ),
    "contact_moves_and_order_naming_both_is_added": (
        MOVE_CONTACT, NEW_ORDER.format(11, 1),
        "Order 29 (tenant 1) cannot belong to company 1: its contact 11 belongs to company 4",
        None,
    ),
    "contact_moves_and_order_takes_it": (
        MOVE_CONTACT, "UPDATE orders SET contact_id = 11 WHERE id = 24",
        "Order 24 (tenant 1) cannot belong to company 1: its contact 11 belongs to company 4",
        None,
    ),
    "contact_moves_and_order_naming_it_is_added": (
        MOVE_CONTACT, NEW_ORDER.format(11, "NULL"), None, None,
    ),
    "contact_moves_and_its_order_loses_it": (
        MOVE_CONTACT, "UPDATE orders SET contact_id = NULL WHERE id = 21", None, None,
    ),
    "contact_moves_twice": (
        MOVE_CONTACT, "UPDATE contacts SET company_id = 2 WHERE id = 11", None, None,
    ),
    "contact_changes_tenant_and_order_is_added": (
        "DELETE FROM orders WHERE id = 21; "
        "UPDATE contacts SET tenant_id = 2, company_id = 3 WHERE id = 11",
        NEW_ORDER.format(11, 1),
        "Order 29 (tenant 1) cannot belong to contact 11 (tenant 2)",
        "Contact 11 (tenant 1) cannot move to tenant 2: it still has order 29 (tenant 1)",
    ),
    "two_first_addresses_are_added": (
        add_address(41, company=2), add_address(42, company=2), None, None,
    ),
    "two_defaults_are_added": (
        add_address(41, company=1, default="true"), add_address(42, company=1, default="true"),
        None, None,
    ),
    "two_addresses_are_made_the_default": (
        "UPDATE addresses SET is_default = true WHERE id = 32",
        add_address(41, company=1, default="true"), None, None,
    ),
    "address_and_company_name_different_defaults": (
        add_address(41, company=1, default="true"),
        "UPDATE companies SET default_address_id = 32 WHERE id = 1", None, None,
    ),
    "only_address_is_deleted_and_another_added": (
        "DELETE FROM addresses WHERE id = 33", add_address(41, company=3, tenant=2),
        None,
        "Address 33 cannot be deleted: it is the default of company 3 (tenant 2), "
        "which still has address 41",
    ),
    "only_address_moves_and_another_is_added": (
        "UPDATE addresses SET company_id = 2, tenant_id = 1 WHERE id = 33",
        add_address(41, company=3, tenant=2),
        None,
        None,
    ),
    "company_changes_its_id_and_contact_is_added": (
        MOVE_KEY, NEW_CONTACT,
        "Contact 17 (tenant 1) names company 4, which does not exist",
        "Company 4 (tenant 1) cannot become company 9: it still has contact 17",
    ),
    "company_changes_its_id_and_address_is_added": (
        MOVE_KEY, add_address(41, company=4),
        "Address 41 (tenant 1) names company 4, which does not exist",
        "Company 4 (tenant 1) cannot become company 9: it still has address 41",
    ),
    "company_gives_its_id_to_another_tenants_and_contact_is_added": (
        f"{MOVE_KEY}; INSERT INTO companies (id, tenant_id, name) VALUES (4, 2, 'Foreign')",
        NEW_CONTACT,
        "Contact 17 (tenant 1) names company 4, which does not exist",
        "Company 4 (tenant 1) cannot become company 9: it still has contact 17",
    ),
    "contact_changes_its_id_and_order_is_added": (
        "DELETE FROM orders WHERE id = 21; UPDATE contacts SET id = 19 WHERE id = 11",
        NEW_ORDER.format(11, 1),
        "Order 29 (tenant 1) names contact 11, which does not exist",
        "Contact 11 (tenant 1) cannot become contact 19: it still has order 29 (tenant 1)",
    ),
    "company_is_deleted_and_address_is_added": (
        "DELETE FROM companies WHERE id = 4", add_address(41, company=4),
        "Address 41 (tenant 1) names company 4, which does not exist",
        None,
    ),
    "address_is_deleted_and_made_the_default": (
        "DELETE FROM addresses WHERE id = 32",
        "UPDATE addresses SET is_default = true WHERE id = 32",
        None,
        "Address 32 cannot be deleted: it is the default of company 1 (tenant 1), "
        "which still has address 31",
    ),
}  # fmt: skip


def in_both_orders() -> Iterator[ParameterSet]:
    for name, (one, other, refusal, refusal_reversed) in EXCLUSIVE.items():
        yield pytest.param(one, other, refusal, id=name)
        yield pytest.param(other, one, refusal_reversed, id=f"{name}_reversed")


@pytest.mark.parametrize(("one", "other", "refusal"), list(in_both_orders()))
def test_second_session_waits_and_meets_what_the_first_left(
    shop: Database, one: str, other: str, refusal: str | None
) -> None:
    assert overlap(shop, one, other) == (True, refusal)
    assert_rules_hold(shop)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NEW_CONTACT, NEW_CONTACT.replace("17", "18")),
        (NEW_CONTACT, add_address(41, company=4)),
        (NEW_ORDER.format(11, "NULL"), add_address(41, company=1, default="true")),
        (NEW_ORDER.format(11, 1), "UPDATE contacts SET phone = '0123456789' WHERE id = 11"),
        (NEW_CONTACT, "UPDATE companies SET name = 'Renamed' WHERE id = 2"),
        (add_address(41, company=1), add_address(42, company=2)),
    ],
    ids=["two_contacts", "contact_address", "order_address", "order_phone", "contact_name",
         "addresses_of_two_companies"],
)  # fmt: skip
def test_sessions_that_do_not_touch_the_same_rule_do_not_wait(
    shop: Database, one: str, other: str
) -> None:
    assert overlap(shop, one, other) == (False, None)
    assert_rules_hold(shop)


def test_companys_tenant_is_safe_without_the_unique_constraint_that_covers_it(
    shop: Database,
) -> None:
    shop.execute("ALTER TABLE companies DROP CONSTRAINT uq_company_name_per_tenant")

    waited, refusal = overlap(shop, MOVE_COMPANY, NEW_CONTACT)

    assert waited
    assert refusal == "Contact 17 (tenant 1) cannot belong to company 4 (tenant 2)"


def test_contacts_company_is_safe_without_the_unique_constraint_that_covers_it(
    shop: Database,
) -> None:
    shop.execute("ALTER TABLE contacts DROP CONSTRAINT uq_contact_email_per_company")

    assert overlap(shop, MOVE_CONTACT, NEW_ORDER.format(11, "NULL")) == (True, None)
    assert shop.value("SELECT company_id FROM orders WHERE id = 29") == 4


def test_last_of_two_sessions_names_the_default(shop: Database) -> None:
    overlap(
        shop,
        add_address(41, company=1, default="true"),
        "UPDATE addresses SET is_default = true WHERE id = 32",
    )

    assert default_of(shop, 1) == 32
