"""How many calls went through each view: what PostgreSQL counts by itself."""

from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.bridge.description import read_bridge
from contacts.restructuring.bridge.usage import LAST_SCAN_VERSION, Usage, read_usage
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill
from tests.support.runs.bridge import make_bridge, rows, session
from tests.support.runs.command import assert_succeeds
from tests.support.waiting import wait_until

CALLS = {
    "SELECT * FROM customers": (1, 0),
    "SELECT * FROM customers WHERE id = 11 FOR UPDATE": (1, 0),
    "SELECT count(*) FROM customers WHERE tenant_id = 99": (1, 0),
    "SELECT c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id": (1, 1),
    "SELECT 1 FROM customers a FULL JOIN customers b USING (id)": (2, 0),
    "UPDATE customers SET name = 'x'": (1, 0),
    "UPDATE orders SET price = 1": (0, 1),
    "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Eve', 'e@x.example')": (1, 0),
    "INSERT INTO orders (tenant_id, order_number) VALUES (1, 'A-1'), (1, 'A-2')": (0, 1),
    "INSERT INTO orders (tenant_id, order_number) VALUES (1, 'A-21') "
    "ON CONFLICT (order_number) DO UPDATE SET price = 2": (0, 1),
    "DELETE FROM orders WHERE id = 24": (0, 1),
    "DELETE FROM customers WHERE id = 99": (1, 0),
    "EXPLAIN SELECT * FROM customers": (0, 0),
}
IN_PARALLEL = """
    SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0;
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
"""
PAST_THE_BRIDGE = (
    "SELECT * FROM contacts",
    "UPDATE contacts SET name = 'x'",
    "INSERT INTO orders (tenant_id, order_number) VALUES (1, 'A-1')",
)


@pytest.fixture
def bridged(migrated: Database) -> Database:
    fill(migrated)
    make_bridge()
    return migrated


def usage() -> Usage:
    with connection.cursor() as cursor:
        standing = read_bridge(cursor)
        assert standing is not None
        return read_usage(cursor, standing)


def calls() -> tuple[int, int]:
    counts = usage().calls
    return counts["customers"], counts["orders"]


@pytest.mark.parametrize(("statement", "counted"), CALLS.items(), ids=range(len(CALLS)))
def test_each_statement_counts_once_for_each_view_it_names(
    bridged: Database, statement: str, counted: tuple[int, int]
) -> None:
    with session(bridged) as application:
        for _ in range(3):
            rows(application, statement)
            application.rollback()
    with session(bridged) as application:
        rows(application, "SELECT 1 FROM customers, orders")  # the server counts in order
    wait_until(lambda: calls() >= (1, 1), 20)
    first, second = counted
    wait_until(lambda: calls() == (3 * first + 1, 3 * second + 1), 20)


def test_a_statement_that_several_processes_work_on_counts_once(bridged: Database) -> None:
    statement = "SELECT count(*) FROM customers WHERE name > 'A'"
    with session(bridged) as application:
        rows(application, IN_PARALLEL)
        assert "Parallel Seq Scan on contacts" in f"{rows(application, f'EXPLAIN {statement}')}"
        assert rows(application, statement) == [(3,)]
    with session(bridged) as application:
        rows(application, "SELECT 1 FROM customers, orders")  # the server counts in order
    wait_until(lambda: calls() >= (1, 1), 20)
    wait_until(lambda: calls() == (2, 1), 20)


def test_what_does_not_go_through_the_views_is_not_counted(bridged: Database) -> None:
    with session(bridged, path="public") as other:
        for statement in PAST_THE_BRIDGE:
            rows(other, statement)
    bridged.dump()
    assert_no_calls_but_one(bridged)


def assert_no_calls_but_one(bridged: Database) -> None:
    with session(bridged) as application:
        rows(application, "SELECT 1 FROM customers, orders")
    wait_until(lambda: calls() != (0, 0), 20)
    assert calls() == (1, 1)


def test_nobody_can_write_what_is_counted(bridged: Database) -> None:
    with session(bridged) as application, pytest.raises(Exception, match="materialized view"):
        rows(application, "INSERT INTO bridge_calls_customers DEFAULT VALUES")


def test_a_verification_says_how_many_and_what_counts_them(
    bridged: Database, tmp_path: Path
) -> None:
    assert_no_calls_but_one(bridged)
    told = " ".join(assert_succeeds(tmp_path, "--verify-only", "-v", "2").out.split())
    assert "1 call of customers and 1 call of orders" in told
    assert "scans that PostgreSQL's statistics count" in told
    known = int(bridged.value("SHOW server_version_num")) >= LAST_SCAN_VERSION
    assert ("the last on" in told) is known


def test_statistics_that_were_reset_are_said_to_be(bridged: Database) -> None:
    assert "reset" not in f"{usage()}"
    bridged.execute("SELECT pg_stat_reset()")
    wait_until(lambda: "since the statistics were reset on" in f"{usage()}", 20)
