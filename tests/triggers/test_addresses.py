"""The rules of a company's addresses and of its default, tried through raw SQL."""

import psycopg2
import pytest

from companies.models import Company
from tests.support.database.databases import Database
from tests.support.database.invariants import (
    ADDRESS_COLUMNS,
    CHECK,
    FOREIGN_KEY,
    add_address,
    assert_refused,
    default_of,
)

REFUSED = {
    "address_of_another_tenant_is_added": (
        add_address(39, company=3, tenant=1),
        "Address 39 (tenant 1) cannot belong to company 3 (tenant 2)",
        CHECK,
    ),
    "address_changes_its_tenant": (
        "UPDATE addresses SET tenant_id = 2 WHERE id = 31",
        "Address 31 (tenant 2) cannot belong to company 1 (tenant 1)",
        CHECK,
    ),
    "address_moves_to_another_tenants_company": (
        "UPDATE addresses SET company_id = 3 WHERE id = 32",
        "Address 32 (tenant 1) cannot belong to company 3 (tenant 2)",
        CHECK,
    ),
    "new_company_names_another_companys_address": (
        "INSERT INTO companies (id, tenant_id, name, default_address_id) VALUES (9, 1, 'New', 31)",
        "Company 9 (tenant 1) cannot have address 31 as its default: "
        "that belongs to company 1 (tenant 1)",
        CHECK,
    ),
    "company_takes_another_companys_address": (
        "UPDATE companies SET default_address_id = 33 WHERE id = 1",
        "Company 1 (tenant 1) cannot have address 33 as its default: "
        "that belongs to company 3 (tenant 2)",
        CHECK,
    ),
}


@pytest.mark.parametrize(("statement", "message", "sqlstate"), REFUSED.values(), ids=REFUSED)
def test_forbidden_write_is_refused(
    shop: Database, statement: str, message: str, sqlstate: str
) -> None:
    assert_refused(shop, statement, message, sqlstate)


def test_company_names_another_of_its_addresses(shop: Database) -> None:
    shop.execute("UPDATE companies SET default_address_id = 32 WHERE id = 1")

    assert default_of(shop, 1) == 32
    assert shop.fetch("SELECT id FROM addresses WHERE company_id = 1 AND is_default") == [(32,)]


def test_company_is_added_and_its_address_in_one_statement(shop: Database) -> None:
    shop.execute(
        "WITH added AS (INSERT INTO companies (id, tenant_id, name) VALUES (9, 1, 'New')"
        f" RETURNING id) INSERT INTO addresses {ADDRESS_COLUMNS}"
        " SELECT 39, 1, id, false, '39 New St', 'Rome', 'RM', '00100' FROM added"
    )

    assert default_of(shop, 9) == 39


def test_address_of_a_company_that_is_not_there_yet_is_refused(shop: Database) -> None:
    # The server adds what nothing reads after the address, and of whichever tenant it is.
    assert_refused(
        shop,
        "WITH added AS (INSERT INTO companies (id, tenant_id, name) VALUES (9, 2, 'New')) "
        + add_address(39, company=9),
        "Address 39 (tenant 1) names company 9, which does not exist",
        FOREIGN_KEY,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE addresses SET is_default = false WHERE company_id = 1 AND is_default",
        "UPDATE addresses SET is_default = false",
        "UPDATE addresses SET company_id = 2 WHERE id = 31",
        "UPDATE companies SET default_address_id = NULL WHERE id = 1",
        "WITH unset AS (UPDATE addresses SET is_default = false WHERE id = 31) "
        "UPDATE companies SET default_address_id = NULL WHERE id = 1",
    ],
    ids=["one", "every", "leaves", "by_the_company", "both_sides"],
)
def test_company_may_have_addresses_and_no_default(shop: Database, statement: str) -> None:
    shop.execute(statement)
    assert default_of(shop, 1) is None

    shop.execute(add_address(41, company=1))
    assert default_of(shop, 1) is None  # it is not the first

    shop.execute("UPDATE addresses SET is_default = true WHERE id = 32")
    assert default_of(shop, 1) == 32


def test_default_that_comes_to_a_company_without_one_is_none_there(shop: Database) -> None:
    shop.execute("UPDATE addresses SET is_default = false WHERE id = 33; " + add_address(41, 2))

    shop.execute("UPDATE addresses SET company_id = 3, tenant_id = 2 WHERE id = 41")

    assert (default_of(shop, 2), default_of(shop, 3)) == (None, None)


def test_saving_a_company_writes_nothing_to_its_addresses(shop: Database) -> None:
    before = shop.fetch("SELECT id, xmin::text FROM addresses ORDER BY id")

    Company.objects.get(pk=1).save()

    assert shop.fetch("SELECT id, xmin::text FROM addresses ORDER BY id") == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE addresses SET is_default = NULL WHERE id = 32",
        "UPDATE addresses SET company_id = NULL WHERE id = 32",
        add_address(39, company=1, default="NULL"),
    ],
)
def test_null_is_left_to_not_null(shop: Database, statement: str) -> None:
    with pytest.raises(psycopg2.errors.NotNullViolation):
        shop.execute(statement)
