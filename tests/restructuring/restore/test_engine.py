"""The engine behind --restore: equal rows, equal sequences, an untouched catalogue."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.restore.difference import Change, restore_plan
from contacts.restructuring.restore.rows import restore_rows
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.backups import (
    MANY_ORDERS,
    TABLES,
    UNMODELLED,
    back_up,
    contents,
    open_run,
    ordered,
    restore,
)

UNREFERRED = "DELETE FROM shipments; DELETE FROM manufacturing_steps"
CHANGES = """
DELETE FROM orders WHERE id % 3 = 0;
UPDATE orders SET price = 1, customer_id = NULL WHERE id % 3 = 1;
UPDATE customers SET company_id = NULL WHERE id % 5 = 0;
INSERT INTO companies (tenant_id, name) VALUES (1, 'newer');
UPDATE customers SET company_id = (SELECT max(id) FROM companies) WHERE id = 2;
INSERT INTO customers (tenant_id, name, email) VALUES (1, 'newer', 'newer@example.com');
INSERT INTO orders (tenant_id, order_number, customer_name, customer_id)
    SELECT 1, 'NEWER', '', max(id) FROM customers;
SELECT setval('tenants_id_seq', 5000);
"""
DRIFT = """
COMMENT ON CONSTRAINT orders_customer_id_fkey ON orders IS 'whose order';
COMMENT ON CONSTRAINT uq_customer_email_per_tenant ON customers IS 'one each';
CREATE UNIQUE INDEX odd ON orders (lower(order_number)) WHERE quantity > 0;
ALTER TABLE orders CLUSTER ON ix_orders_order_number;
ALTER TABLE companies REPLICA IDENTITY USING INDEX uq_company_name_per_tenant;
ALTER TABLE customers DROP CONSTRAINT customers_company_id_fkey;
ALTER TABLE customers ADD CONSTRAINT "their ""company" FOREIGN KEY (company_id)
    REFERENCES companies (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED NOT VALID;
ALTER TABLE orders ADD CONSTRAINT positive CHECK (quantity > -100) NOT VALID;
ALTER TABLE orders ADD COLUMN user_id integer REFERENCES users (id);
"""
TRIGGER = """
CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'a trigger fired';
END $$;
CREATE TRIGGER interfere BEFORE INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION interfere();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER interfere;
"""


def sequences(database: Database) -> dict[str, tuple[Any, ...]]:
    return {
        table: database.fetch(f"SELECT last_value, is_called FROM {table}_id_seq")[0]
        for table in TABLES
    }


def test_whatever_has_changed_it_becomes_what_it_was(sample: Database, tmp_path: Path) -> None:
    sample.execute(UNREFERRED)
    before, positions = contents(sample), sequences(sample)
    backup = read_backup(back_up(tmp_path).path)
    others = contents(sample, "users", "alembic_version")
    sample.run_script(CHANGES)
    done = {item.table: item for item in restore(backup)}
    assert contents(sample) == before
    assert sequences(sample) == positions
    assert contents(sample, "users", "alembic_version") == others
    assert (done["companies"].deleted, done["companies"].changed, done["companies"].added) == (
        1,
        0,
        0,
    )
    assert done["orders"].added > 0


def test_the_plan_says_what_the_restore_then_does(sample: Database, tmp_path: Path) -> None:
    sample.execute(UNREFERRED)
    backup = back_up(tmp_path)
    sample.run_script(CHANGES)
    before = contents(sample)
    now = {table: sample.value(f"SELECT count(*) FROM {table}") for table in TABLES}
    with open_run() as cursor:
        plan = restore_plan(cursor, read_layout(connection), backup)
    assert contents(sample) == before
    assert plan == tuple(
        Change(
            item.table,
            now[item.table],
            backup.rows[item.table],
            item.deleted,
            item.added,
            item.changed,
        )
        for item in restore(backup)
    )
    with open_run() as cursor:
        plan = restore_plan(cursor, read_layout(connection), backup)
    assert {(item.deleted, item.added, item.changed) for item in plan} == {(0, 0, 0)}


def test_a_restore_that_is_rolled_back_changes_nothing(sample: Database, tmp_path: Path) -> None:
    sample.execute(UNREFERRED)
    backup = back_up(tmp_path)
    sample.run_script(CHANGES)
    before = sample.dump()
    with open_run() as cursor:
        restore_rows(cursor, read_layout(connection), backup)
        transaction.set_rollback(True)
    assert sample.dump() == before


def test_drift_is_as_it_was(sample: Database, tmp_path: Path) -> None:
    sample.execute(UNREFERRED)
    sample.run_script(DRIFT)
    backup = back_up(tmp_path)
    before = sample.dump()
    sample.run_script(CHANGES)
    restore(backup)
    assert ordered(sample.dump()) == ordered(before)


def test_values_that_were_swapped_under_a_unique_constraint(
    sample: Database, tmp_path: Path
) -> None:
    sample.run_script(DRIFT)
    backup = back_up(tmp_path)
    before = sample.dump()
    for table, column in {
        "tenants": "subdomain",
        "companies": "name",
        "customers": "email",
        "orders": "order_number",
    }.items():
        key = "tenant_id" if table in ("companies", "customers") else "1"
        sample.run_script(f"""
            CREATE TEMP TABLE swapped AS
                SELECT id, lead({column}) OVER w AS following, first_value({column}) OVER w AS first
                  FROM {table} WINDOW w AS (PARTITION BY {key} ORDER BY id);
            UPDATE {table} SET {column} = 'x' || id;
            UPDATE {table} SET {column} = coalesce(following, first)
              FROM swapped WHERE swapped.id = {table}.id;
        """)
    restore(backup)
    assert ordered(sample.dump()) == ordered(before)


@pytest.mark.parametrize("table", TABLES)
def test_the_triggers_of_others_do_not_fire_and_stay(
    sample: Database, tmp_path: Path, table: str
) -> None:
    sample.execute(UNREFERRED)
    backup = back_up(tmp_path)
    sample.run_script(CHANGES)
    sample.run_script(TRIGGER.format(table=table))
    restore(backup)
    assert sample.value("SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'interfere'") == "A"


def test_into_an_empty_database_the_tables_are_built_as_they_were(
    sample: Database, tmp_path: Path
) -> None:
    sample.run_script(awkward_drift())
    tables = [flag for name in TABLES for flag in ("-t", name)]
    before, positions = sample.dump(*tables), sequences(sample)
    backup = read_backup(back_up(tmp_path).path)
    sample.run_script("DROP SCHEMA public CASCADE; CREATE SCHEMA public;")
    done = restore(backup)
    assert {item.table: item.added for item in done} == backup.rows
    assert ordered(sample.dump(*tables)) == ordered(before)
    assert sequences(sample) == positions


def awkward_drift() -> str:
    """Drift that needs none of the other tables."""
    own = [part for part in DRIFT.split(";") if "users" not in part]
    return f"""
        {";".join(own)}
        CREATE SEQUENCE shared START 10 INCREMENT 5;
        ALTER TABLE customers ALTER phone SET DEFAULT nextval('shared')::text,
            ALTER name TYPE varchar COLLATE "C";
        ALTER TABLE companies ALTER id DROP DEFAULT;
        DROP SEQUENCE companies_id_seq;
        ALTER TABLE companies ALTER id ADD GENERATED BY DEFAULT AS IDENTITY
            (SEQUENCE NAME companies_id_seq RESTART 5000);
        {UNMODELLED}
    """


def test_a_backup_of_a_migrated_database_comes_back_into_one(
    migrated: Database, tmp_path: Path
) -> None:
    migrated.run_script("""
        INSERT INTO tenants (name, subdomain) VALUES ('a', 'a');
        INSERT INTO companies (tenant_id, name, is_default) VALUES (1, 'b', true), (1, 'c', false);
        INSERT INTO contacts (tenant_id, name, company_id) VALUES (1, 'd', 1);
        INSERT INTO orders (tenant_id, order_number, customer_name, contact_id, company_id)
            VALUES (1, 'e', '', 1, 1);
        INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code)
            VALUES (1, 1, 'f', 'g', 'h', '12345');
    """)
    before = migrated.dump()
    backup = back_up(tmp_path)
    migrated.run_script("""
        UPDATE contacts SET company_id = 2;
        UPDATE companies SET is_default = false WHERE id = 1;
        UPDATE companies SET is_default = true WHERE id = 2;
        DELETE FROM addresses;
        INSERT INTO contacts (tenant_id, name, company_id) VALUES (1, 'new', 1);
    """)
    restore(backup)
    assert ordered(migrated.dump()) == ordered(before)


def test_awkward_rows_that_changed_are_put_right(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.run_script(UNMODELLED)
    before = contents(legacy)
    backup = back_up(tmp_path)
    legacy.execute("UPDATE orders SET price = 0 WHERE id = 2; UPDATE orders SET price = NULL")
    legacy.execute("UPDATE orders SET packed = NULL, plain = NULL, tags = '{}', raw = NULL")
    legacy.execute("UPDATE tenants SET created_at = NULL")
    restore(backup)
    assert contents(legacy) == before


def test_statistics_that_know_nothing_of_the_rows_do_not_slow_it_down(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute("INSERT INTO tenants (id, name, subdomain) VALUES (1, 'many', 'many')")
    legacy.execute(MANY_ORDERS.format(number=3000, repeat=1))
    backup = back_up(tmp_path)
    legacy.execute("DELETE FROM orders")
    legacy.execute("VACUUM ANALYZE orders")
    with open_run() as cursor:
        restore_rows(cursor, read_layout(connection), backup)
        cursor.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'orders'")
        scans = cursor.fetchone()[0]
    assert scans < 100, "the table was read again for each row"
