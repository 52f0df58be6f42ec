"""What the application's new version does, statement by statement, on a migrated database."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import add_address, assert_rules_hold, default_of
from tests.support.runs.command import assert_migrates, run


@pytest.mark.parametrize(
    ("columns", "values", "company"),
    [
        ("contact_id, company_id", "11, 1", 1),
        ("contact_id", "12", 2),
        ("company_id", "2", 2),
        ("contact_id", "NULL", 1),
    ],
)
def test_order_without_the_customers_name_is_placed(
    shop: Database, columns: str, values: str, company: int
) -> None:
    shop.execute(
        f"INSERT INTO orders (id, tenant_id, order_number, {columns}) "
        f"VALUES (29, 1, 'A-29', {values})"
    )

    assert shop.fetch("SELECT customer_name, company_id FROM orders WHERE id = 29") == [
        (None, company)
    ]
    assert_rules_hold(shop)


def test_default_is_unset_in_one_transaction_and_named_in_the_next(shop: Database) -> None:
    shop.execute("UPDATE addresses SET is_default = false WHERE company_id = 1 AND is_default")
    assert default_of(shop, 1) is None

    shop.execute("UPDATE addresses SET is_default = true WHERE id = 32")
    assert default_of(shop, 1) == 32


def test_addresses_are_deleted_one_by_one_and_then_their_company(shop: Database) -> None:
    shop.execute("DELETE FROM orders; DELETE FROM contacts")

    shop.execute(
        "BEGIN; DELETE FROM addresses WHERE id = 31; DELETE FROM addresses WHERE id = 32; "
        "DELETE FROM companies WHERE id = 1; COMMIT"
    )

    assert_rules_hold(shop)
    assert shop.value("SELECT count(*) FROM companies WHERE id = 1") == 0


@pytest.mark.parametrize(
    "email",
    ["o'neil@example.com", "jörg@example.com", "a@bücher.example", '"+"@example.com', "a+b@c.de"],
)
@pytest.mark.parametrize("table", ["contacts", "companies"])
def test_addresses_that_the_applications_accept_are_accepted(
    shop: Database, table: str, email: str
) -> None:
    shop.execute(f"UPDATE {table} SET email = %s WHERE id = (SELECT min(id) FROM {table})", [email])

    assert shop.value(f"SELECT count(*) FROM {table} WHERE email IS NOT NULL") == 1


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "@b.c", "a@.", "a b@c.d", "a@b c.d", "a@b@c.d", "a@c.d ", "a@c.d\n"]
)
def test_what_is_no_address_is_refused(shop: Database, email: str) -> None:
    with pytest.raises(Exception, match="ck_contacts_email_format"):
        shop.execute("UPDATE contacts SET email = %s WHERE id = 11", [email])


def test_zip_code_needs_three_characters(shop: Database) -> None:
    shop.execute(add_address(41, company=2).replace("'00100'", "'101'"))
    with pytest.raises(Exception, match="ck_addresses_zip_format"):
        shop.execute(add_address(42, company=2).replace("'00100'", "'10'"))


ORPHANS = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum');
INSERT INTO customers (id, tenant_id, name, email) VALUES (11, 1, 'Ada', 'ada@example.com');
INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name) VALUES
    (21, 1, 'A-21', 11, 'Ada, as she was called then'), (22, 1, 'A-22', NULL, 'walk-in');
"""


@pytest.mark.parametrize("defaults", ["kept", "dropped"])
def test_created_company_has_its_times(legacy: Database, tmp_path: Path, defaults: str) -> None:
    legacy.execute(ORPHANS)
    if defaults == "dropped":
        legacy.execute(
            "ALTER TABLE companies ALTER created_at DROP DEFAULT, ALTER updated_at DROP DEFAULT"
        )

    assert_migrates(tmp_path)

    near = "abs(extract(epoch FROM {} - now() AT TIME ZONE 'UTC')) < 600"
    times = f"{near.format('created_at')} AND {near.format('updated_at')}"
    assert legacy.fetch(f"SELECT {times} FROM companies") == [(True,)]


def test_orders_take_their_contacts_name_on_the_way_back(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(ORPHANS)
    assert_migrates(tmp_path)
    legacy.execute("INSERT INTO orders (id, tenant_id, order_number, contact_id) "
                   "VALUES (29, 1, 'A-29', 11)")  # fmt: skip

    done = run("--rollback", "--noinput", "--backup-dir", str(tmp_path))

    assert done.code == 0, done
    assert "Order 29 (tenant 1) takes the name of its contact 11" in done.out
    assert legacy.fetch("SELECT id, customer_name FROM orders ORDER BY id") == [
        (21, "Ada, as she was called then"), (22, "walk-in"), (29, "Ada"),
    ]  # fmt: skip


def test_order_without_name_stays_so_where_the_legacy_table_allowed_it(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ORPHANS + "ALTER TABLE orders ALTER customer_name DROP NOT NULL;"
                   "UPDATE orders SET customer_name = NULL")  # fmt: skip
    before = legacy.dump("--schema-only", "--table=orders")
    assert_migrates(tmp_path)

    assert run("--rollback", "--noinput", "--backup-dir", str(tmp_path)).code == 0

    assert legacy.fetch("SELECT id FROM orders WHERE customer_name IS NULL ORDER BY id") == [
        (21,), (22,),
    ]  # fmt: skip
    assert legacy.dump("--schema-only", "--table=orders") == before
