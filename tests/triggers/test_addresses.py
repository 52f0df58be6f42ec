"""The rules of a company's addresses and of its default, tried through raw SQL."""

import psycopg2
import pytest

from companies.models import Company
from tests.support.databases import Database
from tests.support.invariants import (
    ADDRESS_COLUMNS,
    CHECK,
    RESTRICT,
    add_address,
    address,
    assert_refused,
    assert_rules_hold,
    default_of,
)
from tests.support.migrated_rows import fill


@pytest.fixture
def shop(migrated: Database) -> Database:
    return fill(migrated)


STAYS = (
    "Address 31 must stay the default of company 1 (tenant 1): "
    "a company with addresses has exactly one default"
)
ONE_STATEMENT_FORGERY = (
    "WITH unset AS (UPDATE addresses SET is_default = false WHERE id = 31) "
    "UPDATE companies SET default_address_id = NULL WHERE id = 1"
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
    "default_is_unset": ("UPDATE addresses SET is_default = false WHERE id = 31", STAYS, CHECK),
    "every_default_is_unset": ("UPDATE addresses SET is_default = false", STAYS, CHECK),
    "only_address_is_unset": (
        "UPDATE addresses SET is_default = false WHERE id = 33",
        "Address 33 must stay the default of company 3 (tenant 2): "
        "a company with addresses has exactly one default",
        CHECK,
    ),
    "default_leaves_a_company_that_has_others": (
        "UPDATE addresses SET company_id = 2 WHERE id = 31",
        "Address 31 cannot leave company 1 (tenant 1): it is its default, and others remain",
        CHECK,
    ),
    "default_is_deleted_while_there_are_others": (
        "DELETE FROM addresses WHERE id = 31",
        "Address 31 cannot be deleted: it is the default of company 1 (tenant 1), "
        "which still has address 32",
        RESTRICT,
    ),
    "company_is_left_without_default": (
        "UPDATE companies SET default_address_id = NULL WHERE id = 1",
        "Company 1 (tenant 1) cannot be without a default address: it has address 31",
        CHECK,
    ),
    "company_takes_another_companys_address": (
        "UPDATE companies SET default_address_id = 33 WHERE id = 1",
        "Company 1 (tenant 1) cannot have address 33 as its default: "
        "that belongs to company 3 (tenant 2)",
        CHECK,
    ),
    "both_sides_are_unset_in_one_statement": (
        ONE_STATEMENT_FORGERY,
        "Company 1 (tenant 1) cannot be without a default address: it has address 31",
        CHECK,
    ),
}


@pytest.mark.parametrize(("statement", "message", "sqlstate"), REFUSED.values(), ids=REFUSED)
def test_forbidden_write_is_refused(
    shop: Database, statement: str, message: str, sqlstate: str
) -> None:
    assert_refused(shop, statement, message, sqlstate)


def test_unsetting_inside_another_trigger_is_refused_too(shop: Database) -> None:
    shop.execute("""
        CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN UPDATE addresses SET is_default = false WHERE id = 31; RETURN NEW; END $$;
        CREATE TRIGGER meddle BEFORE UPDATE OF name ON companies
        FOR EACH ROW EXECUTE FUNCTION meddle()""")

    assert_refused(shop, "UPDATE companies SET name = 'x' WHERE id = 2", STAYS)


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


def test_unsetting_one_and_setting_another_in_one_statement_works_in_this_order(
    shop: Database,
) -> None:
    shop.execute(
        "SET enable_indexscan = off; SET enable_bitmapscan = off;"
        "UPDATE addresses SET is_default = (id = 32) WHERE company_id = 1"
    )

    assert default_of(shop, 1) == 32


def test_setting_one_and_unsetting_another_in_one_statement_changes_nothing(
    shop: Database,
) -> None:
    shop.execute("UPDATE addresses SET city = 'Roma' WHERE id = 31")  # now stored after 32

    with pytest.raises(psycopg2.errors.TriggeredDataChangeViolation):
        shop.execute(
            "SET enable_indexscan = off; SET enable_bitmapscan = off;"
            "UPDATE addresses SET is_default = (id = 32) WHERE company_id = 1"
        )

    assert default_of(shop, 1) == 31


def test_company_names_another_of_its_addresses(shop: Database) -> None:
    shop.execute("UPDATE companies SET default_address_id = 32 WHERE id = 1")

    assert default_of(shop, 1) == 32
    assert shop.fetch("SELECT id FROM addresses WHERE company_id = 1 AND is_default") == [(32,)]


def test_company_and_the_address_that_it_names_are_added_at_once(shop: Database) -> None:
    shop.execute(
        "WITH added AS (INSERT INTO companies (id, tenant_id, name, default_address_id)"
        " VALUES (9, 1, 'New', 39)) " + add_address(39, company=9)
    )

    assert default_of(shop, 9) == 39


def test_saving_a_company_writes_nothing_to_its_addresses(shop: Database) -> None:
    before = shop.fetch("SELECT id, xmin::text FROM addresses ORDER BY id")

    Company.objects.get(pk=1).save()

    assert shop.fetch("SELECT id, xmin::text FROM addresses ORDER BY id") == before


def test_insert_that_gives_way_to_a_conflict_changes_no_default(shop: Database) -> None:
    shop.execute(add_address(32, company=1, default="true") + " ON CONFLICT (id) DO NOTHING")
    assert default_of(shop, 1) == 31

    upsert = " ON CONFLICT (id) DO UPDATE SET is_default = EXCLUDED.is_default"
    shop.execute(add_address(32, company=1, default="true") + upsert)
    assert default_of(shop, 1) == 32


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
def test_addresses_that_leave_no_company_without_default_are_deleted(
    shop: Database, where: str, left: int | None
) -> None:
    shop.execute(f"DELETE FROM addresses WHERE {where}")

    assert default_of(shop, 1) == left


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
