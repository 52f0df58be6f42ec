"""Which of a company's addresses is its default, whoever writes what in one statement."""

import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import (
    ADDRESS_COLUMNS,
    add_address,
    address,
    default_of,
)


def test_first_address_becomes_the_default(shop: Database) -> None:
    shop.execute(add_address(41, company=2))

    assert default_of(shop, 2) == 41


@pytest.mark.parametrize("default", ["false", "true"])
def test_later_address_is_the_default_only_if_it_says_so(shop: Database, default: str) -> None:
    shop.execute(add_address(41, company=1, default=default))

    assert default_of(shop, 1) == (41 if default == "true" else 31)


@pytest.mark.parametrize(
    ("defaults", "winner"),
    [
        (("false", "false", "false"), 41),
        (("false", "true", "false"), 42),
        (("true", "false", "true"), 43),
        (("true", "true", "true"), 43),
    ],
)
@pytest.mark.parametrize("company", [1, 2])
def test_of_several_in_one_insert_the_last_wins(
    shop: Database, company: int, defaults: tuple[str, ...], winner: int
) -> None:
    rows = ", ".join(
        address(number, company, default=default)
        for number, default in enumerate(defaults, start=41)
    )

    shop.execute(f"INSERT INTO addresses {ADDRESS_COLUMNS} VALUES {rows}")

    named = company == 2 or "true" in defaults
    assert default_of(shop, company) == (winner if named else 31)


def test_making_another_the_default_unsets_the_old_one(shop: Database) -> None:
    shop.execute("UPDATE addresses SET is_default = true WHERE id = 32")

    assert default_of(shop, 1) == 32


@pytest.mark.parametrize("chosen", [31, 32, 34])
def test_one_statement_chooses_the_default_among_all(shop: Database, chosen: int) -> None:
    shop.execute(add_address(34, company=1))
    shop.execute("UPDATE addresses SET city = 'Roma' WHERE id = 31")  # now stored last

    shop.execute(f"UPDATE addresses SET is_default = (id = {chosen}) WHERE company_id = 1")

    assert default_of(shop, 1) == chosen


@pytest.mark.parametrize("stored_last", [31, 32])
def test_one_statement_swaps_the_default(shop: Database, stored_last: int) -> None:
    shop.execute(f"UPDATE addresses SET city = 'Roma' WHERE id = {stored_last}")

    shop.execute("UPDATE addresses SET is_default = NOT is_default WHERE company_id = 1")

    assert default_of(shop, 1) == 32


def test_every_address_made_the_default_leaves_one(shop: Database) -> None:
    shop.execute(add_address(34, company=1))

    shop.execute("UPDATE addresses SET is_default = true")

    assert default_of(shop, 1) in {32, 34}
    assert default_of(shop, 3) == 33


def test_defaults_of_several_companies_change_in_one_statement(shop: Database) -> None:
    shop.execute(add_address(34, company=3, tenant=2))

    shop.execute("UPDATE addresses SET is_default = (id IN (32, 34))")

    assert (default_of(shop, 1), default_of(shop, 3)) == (32, 34)
