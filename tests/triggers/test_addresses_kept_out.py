"""An address that is not stored after all changes no default."""

import pytest

from companies.models import Address
from tests.support.database.databases import Database
from tests.support.database.invariants import (
    ADDRESS_COLUMNS,
    add_address,
    address,
    default_of,
)

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
