"""The rules of a company's addresses and of its default, tried through raw SQL."""

import psycopg2
import pytest

from companies.models import Address, Company
from tests.support.databases import Database
from tests.support.invariants import (
    ADDRESS_COLUMNS,
    CHECK,
    FOREIGN_KEY,
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


NOTHING = " ON CONFLICT DO NOTHING"


def test_insert_that_gives_way_to_a_conflict_changes_no_default(shop: Database) -> None:
    shop.execute(add_address(32, company=1, default="true") + " ON CONFLICT (id) DO NOTHING")
    assert default_of(shop, 1) == 31

    upsert = " ON CONFLICT (id) DO UPDATE SET is_default = EXCLUDED.is_default"
    shop.execute(add_address(32, company=1, default="true") + upsert)
    assert default_of(shop, 1) == 32


@pytest.mark.parametrize("company", [1, 2])
def test_row_that_another_key_keeps_out_changes_no_default(shop: Database, company: int) -> None:
    shop.execute("CREATE UNIQUE INDEX ON addresses (street_address)")
    shop.execute(add_address(34, company=2))
    before = (default_of(shop, 1), default_of(shop, 2))

    row = address(44, company, default="true").replace("44 New St", "1 Gold St")
    shop.execute(f"INSERT INTO addresses {ADDRESS_COLUMNS} VALUES {row}" + NOTHING)

    assert (default_of(shop, 1), default_of(shop, 2)) == before
    assert shop.value("SELECT count(*) FROM addresses WHERE id = 44") == 0


def test_of_several_rows_one_is_kept_out_and_the_last_stored_wins(shop: Database) -> None:
    shop.execute("CREATE UNIQUE INDEX ON addresses (street_address)")
    twin = address(44, 1, default="true").replace("44 New St", "1 Gold St")
    rows = ", ".join([address(43, 1, default="true"), twin])

    shop.execute(f"INSERT INTO addresses {ADDRESS_COLUMNS} VALUES {rows}" + NOTHING)

    assert default_of(shop, 1) == 43


@pytest.mark.parametrize("event", ["INSERT", "UPDATE"])
def test_row_that_another_trigger_keeps_out_changes_no_default(shop: Database, event: str) -> None:
    shop.execute(f"""
        CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.city = 'nowhere' THEN RETURN NULL; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER zzz BEFORE {event} ON addresses FOR EACH ROW EXECUTE FUNCTION keep_out()""")
    kept_out = {
        "INSERT": add_address(34, company=1, default="true").replace("Rome", "nowhere"),
        "UPDATE": "UPDATE addresses SET is_default = true, city = 'nowhere' WHERE id = 32",
    }

    # What the statement left must not befall the same row later in its transaction either.
    shop.execute(f"BEGIN; {kept_out[event]}; UPDATE addresses SET id = 35 WHERE id = 32; COMMIT")

    assert default_of(shop, 1) == 31


def test_writer_is_told_what_was_stored(shop: Database) -> None:
    added = add_address(41, company=1, default="true") + " RETURNING is_default"
    assert shop.value(added) is True

    saved = Address(id=42, tenant_id=1, company_id=1, is_default=True, zip_code="00100")
    saved.save()
    assert saved.is_default
    assert default_of(shop, 1) == 42


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
