"""A migration that is broken on purpose is caught row by row, and rolled back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from psycopg2 import sql

from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import EVERY_ROW, Source
from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left
from tests.support.runs.command import Result, run

pytestmark = pytest.mark.slow

NOW_CALLED = {"customers": "contacts"}
SWAP = """
UPDATE {table} AS one SET {column} = other.{column} FROM {table} AS other
 WHERE one.id IN ({pair}) AND other.id IN ({pair}) AND one.id <> other.id
"""
VALUES = {
    "tenants": "name",
    "companies": "phone",
    "customers": "phone",
    "orders": "product_description",
}


@pytest.fixture
def broken_run(
    sample: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Callable[..., Result]:
    """A run in which, after the migrations, SQL statements do damage."""
    migrate = PlannedMigrations.apply

    def run_with(*damages: str) -> Result:
        def damaging(*arguments: Any) -> None:
            migrate(*arguments)
            with connection.cursor() as cursor:
                # Without triggers and foreign keys: only the proof stands in the way.
                cursor.execute("SET LOCAL session_replication_role = replica")
                for damage in damages:
                    cursor.execute(damage)
                    assert cursor.rowcount > 0
                cursor.execute("SET LOCAL session_replication_role = origin")

        monkeypatch.setattr(PlannedMigrations, "apply", damaging)
        return run("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))

    return run_with


def assert_caught(done: Result, *told: str) -> None:
    assert done.code == 1, done.output
    assert "The proof failed" in done.err
    for words in told:
        assert words in done.err
    assert "the database is as it was" in done.err


@pytest.mark.parametrize("table", VALUES)
def test_a_lost_row_a_changed_value_and_a_changed_microsecond_are_named(
    sample: Database, broken_run: Callable[..., Result], table: str
) -> None:
    before, column, now = sample.dump(), VALUES[table], NOW_CALLED.get(table, table)
    key, value = sample.fetch(
        f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY id LIMIT 1"
    )[0]
    lost = sample.value(f"SELECT max(id) FROM {table}")
    late, was, became = sample.fetch(
        "SELECT id, created_at::text, (created_at + interval '1 microsecond')::text "
        f"FROM {table} WHERE id NOT IN ({key}, {lost}) ORDER BY id LIMIT 1"
    )[0]
    done = broken_run(
        f"UPDATE {now} SET {column} = 'changed' WHERE id = {key}",
        f"UPDATE {now} SET created_at = created_at + interval '1 microsecond' WHERE id = {late}",
        f"DELETE FROM {now} WHERE id = {lost}",
    )
    assert_caught(
        done,
        f"{table} {key}: {column} was {value!r}, became 'changed'",
        f"{table} {late}: created_at was {was!r}, became {became!r}",
        f"{table} {lost}: lost",
    )
    assert sample.dump() == before
    assert_no_locks_left(sample)


@pytest.mark.parametrize(
    ("table", "column", "now_table", "now_column"),
    [
        ("customers", "company_id", "contacts", "company_id"),
        ("orders", "customer_id", "orders", "contact_id"),
    ],
)
def test_two_rows_with_swapped_references_are_named(
    sample: Database,
    broken_run: Callable[..., Result],
    table: str,
    column: str,
    now_table: str,
    now_column: str,
) -> None:
    """The sum of their ids, and every count, is what it was."""
    before = sample.dump()
    one, other, was, rival = sample.fetch(
        f"SELECT a.id, b.id, a.{column}, b.{column} FROM {table} a JOIN {table} b "
        f"ON a.tenant_id = b.tenant_id AND a.{column} < b.{column} ORDER BY 1, 2 LIMIT 1"
    )[0]
    pair = f"{one}, {other}"
    done = broken_run(SWAP.format(table=now_table, column=now_column, pair=pair))
    assert_caught(
        done,
        f"{table} {one}: {column} was '{was}', became '{rival}'",
        f"{table} {other}: {column} was '{rival}', became '{was}'",
    )
    assert sample.dump() == before


def test_two_companies_with_swapped_tenants_are_named(
    sample: Database, broken_run: Callable[..., Result]
) -> None:
    before = sample.dump()
    one, other = sample.fetch(
        "SELECT a.id, b.id FROM companies a JOIN companies b ON a.tenant_id < b.tenant_id "
        "WHERE a.name <> b.name AND 'Default Company' NOT IN (a.name, b.name) "
        "AND NOT EXISTS (SELECT 1 FROM companies c "
        "WHERE c.id NOT IN (a.id, b.id) AND c.name IN (a.name, b.name)) ORDER BY 1, 2 LIMIT 1"
    )[0]
    pair = f"{one}, {other}"
    done = broken_run(SWAP.format(table="companies", column="tenant_id", pair=pair))
    assert_caught(done, f"companies {one}: tenant_id was", f"companies {other}: tenant_id was")
    assert sample.dump() == before


def test_a_row_that_was_not_there_is_named(
    sample: Database, broken_run: Callable[..., Result]
) -> None:
    before = sample.dump()
    done = broken_run(
        "INSERT INTO contacts (id, tenant_id, name, company_id) "
        "SELECT 4711, tenant_id, 'Nobody', id FROM companies LIMIT 1"
    )
    assert_caught(done, "customers 4711: was not there")
    assert sample.dump() == before


def test_an_orphan_whose_placing_was_forgotten_is_named(
    sample: Database, broken_run: Callable[..., Result]
) -> None:
    before = sample.dump()
    orphan = sample.value("SELECT min(id) FROM customers WHERE company_id IS NULL")
    done = broken_run(f"UPDATE contacts SET placed_in_company_id = NULL WHERE id = {orphan}")
    assert_caught(done, f"customers {orphan}: company_id was None, became '")
    assert sample.dump() == before


def test_an_order_in_another_company_than_its_contact_fails_a_check(
    sample: Database, broken_run: Callable[..., Result]
) -> None:
    """orders.company_id is new: no legacy value proves it, the checks afterwards do."""
    before = sample.dump()
    done = broken_run(
        "UPDATE orders SET company_id = (SELECT min(c.id) FROM companies c "
        "WHERE c.tenant_id = orders.tenant_id AND c.id <> orders.company_id) "
        "WHERE id = (SELECT min(id) FROM orders WHERE contact_id IS NOT NULL)"
    )
    assert done.code == 1
    assert "Order-contact-company consistency" in done.error
    assert sample.dump() == before


def test_many_differences_are_cut_to_the_first(
    sample: Database, broken_run: Callable[..., Result]
) -> None:
    done = broken_run("UPDATE orders SET quantity = coalesce(quantity, 0) + 1")
    assert_caught(done, "orders 1: quantity was")
    assert done.err.count("quantity was") == 20


def test_equal_rows_that_change_alike_do_not_cancel_each_other(empty: Database) -> None:
    """Under XOR, two equal rows count as none."""
    empty.execute("CREATE TABLE twins (id int, name text)")
    empty.execute("INSERT INTO twins VALUES (1, 'A'), (1, 'A'), (2, 'B')")
    columns = {name: sql.Identifier(name) for name in ("id", "name")}
    source = Source("twins", 0, "public", "twins", columns, EVERY_ROW)
    with connection.cursor() as cursor:
        before = take_fingerprints(cursor, [source])
        cursor.execute("UPDATE twins SET name = 'C' WHERE id = 1")
        after = take_fingerprints(cursor, [source])
    assert before["twins"].rows == after["twins"].rows == 3
    assert before["twins"].digest != after["twins"].digest
