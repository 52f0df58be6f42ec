"""The server's own VACUUM and ANALYZE of orders, and a preparation."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.preparation.pace import FAST, reason_to_pause
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.preparation import prepare_until, prepare_whole, worker
from tests.support.servers.own_servers import own_server
from tests.support.waiting import wait_until

OPTIONS = "SELECT coalesce(reloptions::text, '') FROM pg_class WHERE oid = 'orders'::regclass"
SLOW_AND_EAGER = (
    "autovacuum_naptime=1",
    "autovacuum_vacuum_cost_delay=20",
    "autovacuum_vacuum_cost_limit=1",
    "autovacuum_vacuum_threshold=1",
    "autovacuum_vacuum_scale_factor=0",
    "autovacuum_analyze_threshold=1",
    "autovacuum_analyze_scale_factor=0",
)
ORDERS_ONLY = """
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT relname FROM pg_class
                     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                       AND relname <> 'orders' LOOP
            EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = off)', name);
        END LOOP;
    END $$
"""
VACUUMS = """
    SELECT count(*) FROM pg_locks
     WHERE relation = 'orders'::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted
"""


@pytest.fixture(scope="module")
def busy(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """A database whose server takes its time to vacuum and analyze orders."""
    with own_server(*SLOW_AND_EAGER) as own, django_db_blocker.unblock():
        database = own.database("sample")
        database.execute(ORDERS_ONLY)
        database.execute("UPDATE orders SET price = price")
        with django_uses(database):
            yield database


def test_orders_are_not_analyzed_while_they_are_filled(sample: Database) -> None:
    prepare_until("backfill")
    assert sample.value(OPTIONS) == "{autovacuum_analyze_threshold=2147483647}"

    prepare_until("index")
    assert sample.value(OPTIONS) == ""


def test_a_setting_of_their_own_stays(sample: Database) -> None:
    sample.execute("ALTER TABLE orders SET (autovacuum_analyze_threshold = 5, fillfactor = 90)")
    own = sample.value(OPTIONS)

    prepare_until("backfill")
    assert sample.value(OPTIONS) == own

    prepare_whole()
    assert sample.value(OPTIONS) == own


@pytest.mark.slow
def test_an_automatic_vacuum_gives_way_at_the_first_try(busy: Database) -> None:
    one = worker(patience=Patience(seconds=0.1, tries=1))
    wait_until(lambda: busy.value(VACUUMS) == 1)

    one.transact(lambda cursor: one.lock(cursor, "orders", "ACCESS EXCLUSIVE"), "locking orders")


@pytest.mark.slow
def test_filling_waits_while_the_server_analyzes(busy: Database) -> None:
    with connection.cursor() as cursor:
        wait_until(lambda: "ANALYZE public.orders" in reason_to_pause(cursor, FAST))
