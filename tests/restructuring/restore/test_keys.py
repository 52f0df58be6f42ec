"""Restoring rows whose keys are missing, swapped, generated or identities."""

from pathlib import Path

from tests.support.database.databases import Database
from tests.support.runs.backups import (
    back_up,
    contents,
    ordered,
    restore,
)

NO_PRIMARY_KEY = """
ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE;
ALTER TABLE orders ALTER id DROP NOT NULL;
DROP INDEX ix_orders_order_number;
INSERT INTO orders SELECT * FROM orders;
INSERT INTO orders (id, tenant_id, order_number, customer_name) VALUES (NULL, 1, 'none', '');
"""


def test_rows_without_a_key_come_back_too(sample: Database, tmp_path: Path) -> None:
    sample.execute("DROP TABLE shipments, manufacturing_steps")
    sample.run_script(NO_PRIMARY_KEY)
    before = contents(sample)
    backup = back_up(tmp_path)
    sample.execute("DELETE FROM orders WHERE id % 2 = 0; UPDATE orders SET price = 7")
    restore(backup)
    assert contents(sample) == before


def test_identity_and_generated_columns_come_back(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script("""
        ALTER TABLE tenants ALTER id DROP DEFAULT;
        DROP SEQUENCE tenants_id_seq;
        ALTER TABLE tenants ALTER id ADD GENERATED ALWAYS AS IDENTITY (INCREMENT BY 7),
            ADD COLUMN shout varchar GENERATED ALWAYS AS (upper(name)) STORED;
        INSERT INTO tenants (name, subdomain) VALUES ('a', 'a'), ('b', 'b');
    """)
    before = legacy.dump()
    backup = back_up(tmp_path)
    legacy.execute(
        "DELETE FROM tenants WHERE name = 'a'; "
        "INSERT INTO tenants (name, subdomain) VALUES ('c', 'c')"
    )
    restore(backup)
    assert ordered(legacy.dump()) == ordered(before)
    assert (
        legacy.value("INSERT INTO tenants (name, subdomain) VALUES ('d', 'd') RETURNING id") == 15
    )


def test_an_identity_column_besides_the_key_comes_back(sample: Database, tmp_path: Path) -> None:
    sample.execute("ALTER TABLE orders ADD number bigint GENERATED ALWAYS AS IDENTITY")
    before = sample.dump()
    backup = back_up(tmp_path)
    sample.execute("UPDATE orders SET number = DEFAULT WHERE id < 9")
    sample.execute("UPDATE orders SET quantity = 77 WHERE id < 99")
    restore(backup)
    assert ordered(sample.dump()) == ordered(before)
