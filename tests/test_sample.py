"""load_legacy_sample: a believable legacy database, the same for the same seed."""

import io
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection

from contacts.restructuring.database.layout import Stage, read_layout
from contacts.sample import Size
from contacts.sample.load import TABLES
from jmsk.postgres.check_rules import EMAIL_PATTERN
from tests.support.database.databases import Database, Server, django_uses

STATUSES = {"PENDING", "IN_PROGRESS", "COMPLETED", "SHIPPED", "CANCELLED", None}
METALS = {
    "GOLD_24K", "GOLD_22K", "GOLD_18K", "GOLD_14K", "SILVER_925", "PLATINUM", "OTHER", None,
}  # fmt: skip

# Each must find a row, whatever the seed.
AWKWARD = {
    "customer without company": "SELECT 1 FROM customers WHERE company_id IS NULL",
    "customer without phone": "SELECT 1 FROM customers WHERE phone IS NULL",
    "customer with an empty phone": "SELECT 1 FROM customers WHERE phone = ''",
    "customer with a short phone": "SELECT 1 FROM customers WHERE length(phone) BETWEEN 1 AND 9",
    "customer with accents": "SELECT 1 FROM customers WHERE name ~ '[äéíñøšŁ]'",
    "customer with an apostrophe": "SELECT 1 FROM customers WHERE name LIKE '%''%'",
    "customer with quotes": "SELECT 1 FROM customers WHERE name LIKE '%\"%'",
    "customer with spaces around": "SELECT 1 FROM customers WHERE name <> trim(name)",
    "customer with microseconds": (
        "SELECT 1 FROM customers WHERE date_part('us', created_at)::int % 1000 > 0"
    ),
    "customer without a date": "SELECT 1 FROM customers WHERE created_at IS NULL",
    "company without address": "SELECT 1 FROM companies WHERE address IS NULL",
    "company with an empty address": "SELECT 1 FROM companies WHERE address = ''",
    "company with a bad e-mail": "SELECT 1 FROM companies WHERE email = 'see website'",
    "order without customer": "SELECT 1 FROM orders WHERE customer_id IS NULL",
    "order in a tenant without customers": (
        "SELECT 1 FROM orders o WHERE NOT EXISTS"
        " (SELECT 1 FROM customers c WHERE c.tenant_id = o.tenant_id)"
    ),
    "order without price": "SELECT 1 FROM orders WHERE price IS NULL",
    "order without status": "SELECT 1 FROM orders WHERE status IS NULL",
    "order with an empty description": "SELECT 1 FROM orders WHERE product_description = ''",
    "order with no description": "SELECT 1 FROM orders WHERE product_description IS NULL",
    "order with newlines": "SELECT 1 FROM orders WHERE specifications LIKE E'%\\n%'",
    "order with a backslash": "SELECT 1 FROM orders WHERE specifications LIKE '%\\\\%'",
    "order older than its customer's e-mail": (
        "SELECT 1 FROM orders o JOIN customers c ON c.id = customer_id"
        " WHERE customer_email <> email AND customer_email <> ''"
    ),
    "order as its customer is now": (
        "SELECT 1 FROM orders o JOIN customers c ON c.id = customer_id"
        " WHERE (customer_name, customer_email, customer_phone) = (name, email, phone)"
    ),
    "step with a parent": "SELECT 1 FROM manufacturing_steps WHERE parent_step_id IS NOT NULL",
    "shipment without number": "SELECT 1 FROM shipments WHERE tracking_number IS NULL",
    "gap in the ids": "SELECT 1 FROM customers HAVING max(id) > count(*)",
    "customers of a Default Company": (
        "SELECT 1 FROM customers JOIN companies c ON c.id = company_id"
        " WHERE c.name = 'Default Company'"
    ),
}


def load(*arguments: str) -> str:
    """Run the command; return what it prints."""
    out = io.StringIO()
    call_command("load_legacy_sample", *arguments, stdout=out)
    return out.getvalue()


def count(database: Database, table: str) -> int:
    return int(database.value(f"SELECT count(*) FROM {table}"))


def rules_broken(database: Database) -> int:
    query = "SELECT count(*) FROM customers WHERE email !~* %s"
    return int(database.fetch(query, [EMAIL_PATTERN])[0][0])


def test_leaves_the_schema_that_the_legacy_application_leaves(
    legacy: Database, sample: Database
) -> None:
    assert sample.dump("--schema-only") == legacy.dump("--schema-only")
    assert sample.value("SELECT version_num FROM alembic_version") == "002_remove_deprecated"
    assert read_layout(connection).stage is Stage.LEGACY


def test_same_seed_gives_the_same_database(sample: Database, empty: Database) -> None:
    load("--customers", "150", "--orders", "600", "--seed", "1")
    assert empty.dump() == sample.dump()


def test_other_seed_gives_other_rows(sample: Database, empty: Database) -> None:
    load("--seed", "2")
    query = "SELECT name, email FROM customers ORDER BY id"
    assert count(empty, "customers") == count(sample, "customers")
    assert empty.fetch(query) != sample.fetch(query)


def test_prints_counts_and_the_next_command(empty: Database) -> None:
    printed = load("--customers", "40", "--orders", "1234")
    assert f'"{empty.name}"' in printed
    assert "1,234" in printed
    assert printed.endswith("Next: python manage.py migrate_contacts --dry-run\n")
    assert {table: count(empty, table) for table in ("customers", "orders")} == {
        "customers": 40,
        "orders": 1234,
    }


def test_has_the_usual_number_of_rows(sample: Database) -> None:
    size = Size()
    assert count(sample, "tenants") == size.tenants
    assert count(sample, "customers") == 150
    assert count(sample, "orders") == 600
    assert all(count(sample, table) > 0 for table in TABLES)


@pytest.mark.parametrize("seed", ["1", "-7"])
def test_has_awkward_rows_whatever_the_seed(empty: Database, seed: str) -> None:
    load("--seed", seed)
    missing = [what for what, query in AWKWARD.items() if not empty.fetch(f"{query} LIMIT 1")]
    assert not missing
    assert 0 < rules_broken(empty) < 20


def test_spreads_orphans_over_tenants_and_leaves_one_tenant_without_customers(
    sample: Database,
) -> None:
    orphans = "SELECT count(DISTINCT tenant_id) FROM customers WHERE company_id IS NULL"
    assert sample.value(orphans) >= 2
    assert sample.value("SELECT count(DISTINCT tenant_id) FROM customers") == Size().tenants - 1


def test_uses_every_status_and_metal(sample: Database) -> None:
    assert {row[0] for row in sample.fetch("SELECT DISTINCT status FROM orders")} == STATUSES
    assert {row[0] for row in sample.fetch("SELECT DISTINCT metal_type FROM orders")} == METALS


def test_keeps_each_tenant_to_itself(sample: Database) -> None:
    for child, key, parent in (
        ("customers", "company_id", "companies"),
        ("orders", "customer_id", "customers"),
        ("shipments", "order_id", "orders"),
        ("manufacturing_steps", "order_id", "orders"),
        ("manufacturing_steps", "parent_step_id", "manufacturing_steps"),
    ):
        strays = (
            f"SELECT count(*) FROM {child} c JOIN {parent} p ON p.id = c.{key}"
            " WHERE p.tenant_id <> c.tenant_id"
        )
        assert sample.value(strays) == 0, (child, key)


def test_goes_on_with_fresh_ids(sample: Database) -> None:
    for table in TABLES:
        fresh = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
        assert sample.value(f"SELECT {fresh} - max(id) FROM {table}") == 1, table


def test_grows(empty: Database) -> None:
    load("--customers", "2000", "--orders", "10000", "--tenants", "12")
    assert [count(empty, table) for table in ("tenants", "customers", "orders")] == [
        12,
        2000,
        10000,
    ]
    assert empty.value("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0
    assert empty.value("SELECT count(*) FROM pg_class WHERE relname = 'orders' AND reltuples > 0")


def test_can_be_without_customers_and_orders(empty: Database) -> None:
    load("--customers", "0", "--orders", "30", "--tenants", "3")
    assert count(empty, "customers") == 0
    assert empty.value("SELECT count(customer_id) FROM orders") == 0
    assert count(empty, "orders") == 30


def test_leaves_nothing_temporary_in_the_session(empty: Database) -> None:
    load()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT setting = reset_val FROM pg_settings WHERE name = 'work_mem'")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE TABLE notes (id serial)", "table public.notes"),
        ("CREATE TYPE mood AS ENUM ('fine')", "type public.mood"),
        ("CREATE SCHEMA other CREATE VIEW v AS SELECT 1", "view other.v"),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1 AS one", "materialized view public.m"),
        ("CREATE DOMAIN grams AS float", "type public.grams"),
        ("CREATE SEQUENCE numbers", "sequence public.numbers"),
    ],
)
def test_refuses_a_database_that_holds_something(
    empty: Database, statement: str, found: str
) -> None:
    empty.execute(statement)
    before = empty.dump()
    with pytest.raises(CommandError) as refusal:
        load()
    message = str(refusal.value)
    assert f'Database "{empty.name}" is not empty. It holds {found}.' in message
    assert "DATABASE_URL" in message
    assert refusal.value.returncode == 1
    assert empty.dump() == before


def test_refuses_to_load_twice(sample: Database) -> None:
    with pytest.raises(CommandError, match=r"table public\.alembic_version.* and \d+ more"):
        load()


def test_refuses_an_encoding_that_cannot_hold_the_names(server: Server, empty: Database) -> None:
    name = f"{empty.name}_latin"
    server.maintenance.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    )
    try:
        with (
            django_uses(Database(name, server.settings)),
            pytest.raises(
                CommandError, match=r"encoding LATIN1.*create_database' makes it in UTF-8"
            ),
        ):
            load()
    finally:
        server.drop(name)


def test_failure_halfway_leaves_the_database_empty(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A table that the schema does not make is missed once the schema is there.
    monkeypatch.setattr("contacts.sample.load.TABLES", (*TABLES, "absent"))
    before = empty.dump()
    with pytest.raises(CommandError, match='"absent" does not exist') as refusal:
        load()
    assert "Nothing was changed" in str(refusal.value)
    assert isinstance(refusal.value.__cause__, Error)
    assert empty.dump() == before


@pytest.mark.parametrize(
    "arguments", [["--customers=-1"], ["--orders", "-5"], ["--tenants=2"], ["--seed=x"]]
)
def test_refuses_wrong_numbers_as_a_usage_error(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "load_legacy_sample", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert arguments[0].strip("-").split("=")[0] in done.stderr
    assert "Traceback" not in done.stderr
