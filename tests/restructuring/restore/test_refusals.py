"""What stops a restore, with nothing changed."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection

from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.restore.references import references_in_the_way
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.runs.backups import back_up, open_run, restore


@pytest.mark.parametrize("rule", ["NO ACTION", "CASCADE", "SET NULL"])
def test_rows_that_others_refer_to_stop_it(sample: Database, tmp_path: Path, rule: str) -> None:
    backup = back_up(tmp_path)
    sample.run_script(f"""
        CREATE SCHEMA elsewhere;
        CREATE TABLE elsewhere."the notes" (
            number integer, subdomain varchar REFERENCES tenants (subdomain) ON DELETE {rule},
            "order" integer REFERENCES orders ON DELETE {rule});
        INSERT INTO orders (id, tenant_id, order_number, customer_name)
            SELECT 100000 + i, 1, 'NEW-' || i, '' FROM generate_series(1, 50) AS i;
        INSERT INTO elsewhere."the notes" (number, "order")
            SELECT i, 100000 + i FROM generate_series(1, 50) AS i;
        INSERT INTO elsewhere."the notes" (number, "order") VALUES (0, 1);
        UPDATE tenants SET subdomain = 'moved' WHERE id = 2;
        INSERT INTO elsewhere."the notes" (number, subdomain) VALUES (99, 'moved');
    """)
    before = sample.dump()
    with open_run() as cursor:
        to_tenants, to_orders = references_in_the_way(cursor, read_layout(connection), backup)
    assert (to_orders.number, len(to_orders.rows)) == (50, 20)
    assert to_orders.rows[0] == "the notes order 100001 refers to orders id 100001"
    assert len(sample.fetch(to_orders.query)) == 50
    assert to_tenants.rows == ("the notes subdomain moved refers to tenants subdomain moved",)
    with pytest.raises(CommandError, match="refers to orders id 100001") as caught:
        restore(backup)
    assert to_orders.query in str(caught.value)
    assert sample.dump() == before


NEW_ORDERS = """
    INSERT INTO orders (id, tenant_id, order_number, customer_name)
        SELECT i, 1, 'NEW-' || i, '' FROM generate_series({numbers}) AS i;
    INSERT INTO shipments (tenant_id, order_id) SELECT 1, i FROM generate_series({numbers}) AS i;
"""


@pytest.mark.parametrize(
    ("known", "new", "length"),
    [("1, 0", "100001, 101500", 100), ("100000, 103000, 2", "100001, 102999, 2", 20000)],
    ids=["in a row", "between others"],
)
def test_the_query_finds_all_rows_whatever_their_number(
    sample: Database, tmp_path: Path, known: str, new: str, length: int
) -> None:
    sample.run_script(NEW_ORDERS.format(numbers=known))
    backup = back_up(tmp_path)
    sample.run_script(NEW_ORDERS.format(numbers=new))
    with open_run() as cursor:
        (found,) = references_in_the_way(cursor, read_layout(connection), backup)
    assert found.number == 1500
    assert len(found.query) < length
    wanted = sample.fetch(
        f"SELECT s.* FROM shipments s, generate_series({new}) i WHERE order_id = i"
    )
    assert sorted(sample.fetch(found.query)) == sorted(wanted)


def test_an_enum_type_of_other_labels_stops_the_building(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    sample.run_script("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    sample.execute("CREATE TYPE metaltype AS ENUM ('LEAD')")
    told = "type metaltype exists with the labels LEAD, and lacks GOLD_24K, "
    with pytest.raises(CommandError, match=told):
        restore(backup)
    assert not read_layout(connection).tables


def test_a_backup_of_a_migrated_database_does_not_fit_an_empty_one(
    migrated: Database, tmp_path: Path
) -> None:
    backup = back_up(tmp_path)
    migrated.run_script("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    with pytest.raises(CommandError, match=r"backup of a migrated database .* this one is empty"):
        restore(backup)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ALTER TABLE orders ADD COLUMN newer text", "has a column newer, which the backup does"),
        ("ALTER TABLE orders DROP COLUMN price", "has no column price, which the backup has"),
        ("ALTER TABLE orders ALTER price TYPE real", "orders.price is real, and in the backup"),
    ],
)
def test_other_columns_stop_it(sample: Database, tmp_path: Path, change: str, message: str) -> None:
    backup = back_up(tmp_path)
    sample.execute(change)
    with pytest.raises(CommandError, match=re.escape(message)):
        restore(backup)


def test_a_constraint_that_is_newer_than_the_backup_stops_it(
    sample: Database, tmp_path: Path
) -> None:
    backup = back_up(tmp_path)
    sample.execute("UPDATE orders SET quantity = 1; ALTER TABLE orders ADD CHECK (quantity = 1)")
    before = sample.dump()
    with pytest.raises(CommandError, match="A constraint refuses the rows of the backup"):
        restore(backup)
    assert sample.dump() == before


def test_it_ends_only_if_the_fingerprints_are_equal(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contacts.restructuring.restore import rows as engine

    def damage(cursor: Any, *_: object) -> None:
        cursor.execute("UPDATE customers SET phone = 'damaged' WHERE id = 1")

    backup = back_up(tmp_path)
    before = sample.dump()
    monkeypatch.setattr(engine, "_restore_sequences", damage)
    with pytest.raises(CommandError, match="the rows are not those of the backup: customers has"):
        restore(backup)
    assert sample.dump() == before


def test_a_rule_of_others_does_not_interfere(sample: Database, tmp_path: Path) -> None:
    backup, before = back_up(tmp_path), photograph(sample)
    rule = "CREATE RULE interfere AS ON UPDATE TO customers DO INSTEAD NOTHING"
    sample.execute(f"UPDATE customers SET phone = '1' WHERE id = 1; {rule}")
    restore(backup)
    sample.execute("DROP RULE interfere ON customers")
    assert changes(before, photograph(sample)) == []


def test_a_sequence_that_has_gone_stops_it(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    sample.execute("ALTER TABLE orders ALTER id DROP DEFAULT; DROP SEQUENCE orders_id_seq")
    with pytest.raises(CommandError, match=r"orders\.id has no sequence any more"):
        restore(backup)
