"""Addresses that move to another company or tenant, and those that are deleted."""

import psycopg2
import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import (
    RESTRICT,
    add_address,
    address,
    assert_refused,
    assert_rules_hold,
    default_of,
)


def test_other_address_moves_and_becomes_the_first_of_its_new_company(shop: Database) -> None:
    shop.execute("UPDATE addresses SET company_id = 2 WHERE id = 32")

    assert (default_of(shop, 1), default_of(shop, 2)) == (31, 32)


def test_only_address_moves_and_stands_behind_the_default_there(shop: Database) -> None:
    shop.execute(add_address(41, company=2))

    shop.execute("UPDATE addresses SET company_id = 1 WHERE id = 41")

    assert (default_of(shop, 1), default_of(shop, 2)) == (31, None)


def test_address_moves_and_is_made_the_default_there(shop: Database) -> None:
    shop.execute(add_address(41, company=2) + f", {address(42, company=2)}")

    shop.execute("UPDATE addresses SET company_id = 1, is_default = true WHERE id = 42")

    assert (default_of(shop, 1), default_of(shop, 2)) == (42, 41)


def test_all_addresses_of_a_company_move_at_once(shop: Database) -> None:
    shop.execute("UPDATE addresses SET company_id = 2 WHERE company_id = 1")

    assert default_of(shop, 1) is None
    assert default_of(shop, 2) in {31, 32}  # whichever the server came upon first


def test_address_moves_to_another_tenant_with_its_company(shop: Database) -> None:
    shop.execute("UPDATE addresses SET company_id = 2, tenant_id = 1 WHERE id = 33")

    assert (default_of(shop, 3), default_of(shop, 2)) == (None, 33)


@pytest.mark.parametrize(
    ("where", "left"),
    [("id = 32", 31), ("company_id = 1", None), ("id = 33", 31), ("true", None)],
    ids=["not_the_default", "all_of_a_company", "the_only_one", "all"],
)
def test_addresses_are_deleted_in_one_statement(
    shop: Database, where: str, left: int | None
) -> None:
    shop.execute(f"DELETE FROM addresses WHERE {where}")

    assert default_of(shop, 1) == left


DELETED = (
    "Address 31 cannot be deleted: it is the default of company 1 (tenant 1), "
    "which still has address 32"
)


def test_deleted_default_must_have_a_successor_by_commit(shop: Database) -> None:
    assert_refused(shop, "DELETE FROM addresses WHERE id = 31", DELETED, RESTRICT)
    assert_refused(
        shop,
        "BEGIN; DELETE FROM addresses WHERE id = 31; SET CONSTRAINTS ALL IMMEDIATE; COMMIT",
        DELETED,
        RESTRICT,
    )
    assert default_of(shop, 1) == 31


@pytest.mark.parametrize(
    ("then", "left"),
    [
        ("UPDATE addresses SET is_default = true WHERE id = 32", 32),
        ("UPDATE companies SET default_address_id = 32 WHERE id = 1", 32),
        (add_address(41, company=1, default="true"), 41),
        ("DELETE FROM addresses WHERE id = 32", None),
        ("UPDATE addresses SET company_id = 2 WHERE id = 32", None),
        ("DELETE FROM addresses WHERE id = 32; DELETE FROM orders; DELETE FROM contacts; "
         "DELETE FROM companies WHERE id = 1", None),
        ("DELETE FROM orders; DELETE FROM contacts; DELETE FROM companies WHERE id = 1", None),
    ],
    ids=["another", "by_the_company", "a_new_one", "the_others_too", "the_others_leave",
         "one_by_one_then_the_company", "the_company"],
)  # fmt: skip
def test_default_is_deleted_before_what_makes_that_right(
    shop: Database, then: str, left: int | None
) -> None:
    shop.execute(f"BEGIN; DELETE FROM addresses WHERE id = 31; {then}; COMMIT")

    assert_rules_hold(shop)
    found = shop.fetch("SELECT default_address_id FROM companies WHERE id = 1")
    assert found in ([], [(left,)])


def test_deleted_company_takes_its_addresses_along(shop: Database) -> None:
    shop.execute("DELETE FROM orders; DELETE FROM contacts; DELETE FROM companies WHERE id = 1")

    assert shop.fetch("SELECT id FROM addresses") == [(33,)]
    assert_rules_hold(shop)


def test_tenants_addresses_go_with_it_only_after_its_companies(shop: Database) -> None:
    shop.execute("DELETE FROM orders; DELETE FROM contacts")
    with pytest.raises(psycopg2.IntegrityError, match="companies_tenant_id_fkey"):
        shop.execute("DELETE FROM tenants WHERE id = 1")
    assert_rules_hold(shop)

    shop.execute("DELETE FROM companies WHERE tenant_id = 1; DELETE FROM tenants WHERE id = 1")

    assert shop.fetch("SELECT id FROM addresses") == [(33,)]
