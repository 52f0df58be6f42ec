"""A preparation fills and proves the tables beside the application, and leaves on request."""

from contextlib import closing

import pytest
from django.core.management.base import CommandError
from django.db import connection

from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.preparation import work
from contacts.restructuring.preparation.pace import FAST, NORMAL, Pace
from jmsk.postgres.queries import value
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.preparation import (
    abandon_whole,
    phase,
    prepare_until,
    prepare_whole,
    sorted_dump,
    worker,
)

STEPS = ("install", "base", "reserve", "backfill", "index", "verify")
WRONG_COMPANIES = """
    SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.customer_id
      LEFT JOIN jmsk_preparation_defaults d ON d.tenant_id = o.tenant_id
     WHERE o.company_id IS DISTINCT FROM coalesce(c.company_id, d.company_id)
"""
MEANING = "SELECT id, customer_id, to_jsonb(orders) - 'company_id' FROM orders ORDER BY id"


def test_preparation_gives_every_order_its_company_and_changes_nothing_else(
    sample: Database,
) -> None:
    before = sample.fetch(MEANING)

    prepare_whole()

    assert phase(sample) == "verified"
    assert sample.fetch(WRONG_COMPANIES) == []
    assert sample.fetch(MEANING) == before
    assert sample.value("SELECT count(*) FROM orders WHERE company_id = 0") == 0
    assert read_layout(connection).stage is Stage.PREPARED


def test_awkward_rows_are_prepared_and_given_back(legacy: Database) -> None:
    legacy.execute(awkward.ROWS)
    before = sorted_dump(legacy)

    prepare_whole()
    assert legacy.fetch(WRONG_COMPANIES) == []
    abandon_whole()

    assert sorted_dump(legacy) == before
    assert read_layout(connection).stage is Stage.LEGACY


@pytest.mark.parametrize("step", STEPS)
def test_what_was_stopped_before_a_step_goes_on_from_there(sample: Database, step: str) -> None:
    prepare_until(step)
    assert phase(sample) == step

    prepare_whole()

    assert phase(sample) == "verified"
    assert sample.fetch(WRONG_COMPANIES) == []


@pytest.mark.parametrize("step", STEPS)
def test_abandoned_before_a_step_leaves_the_database_as_it_was(sample: Database, step: str) -> None:
    before = sorted_dump(sample)
    prepare_until(step)

    abandon_whole()

    assert sorted_dump(sample) == before


def test_prepared_twice_is_verified_again(sample: Database) -> None:
    prepare_whole()
    changed = sample.value("SELECT count(*) FROM customers WHERE id < 20")
    sample.execute("UPDATE customers SET name = name || '!' WHERE id < 20")
    assert sample.value("SELECT count(*) FROM jmsk_preparation_journal") == changed

    prepare_whole()

    assert sample.value("SELECT count(*) FROM jmsk_preparation_journal") == 0


def test_a_second_run_is_refused_while_one_prepares(sample: Database) -> None:
    refused: list[object] = []

    def hear(event: object) -> None:
        if getattr(event, "step", "") == "backfill" and not refused:
            with pytest.raises(CommandError, match="Another run is at work") as error:
                prepare_whole()
            refused.append(error)

    prepare_whole(listener=hear)

    assert len(refused) == 1


def test_an_index_that_waits_for_a_writer_is_tried_again_and_names_it(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(work.OUTSIDE, "lock_timeout", "100ms")
    prepare_until("index")
    with closing(sample.connect()) as writer, writer.cursor() as cursor:
        writer.autocommit = False
        cursor.execute("UPDATE orders SET price = 1 WHERE id = 1")
        with pytest.raises(CommandError) as refused:
            prepare_whole(patience=Patience(0.1, 2))
        assert "making ix_orders_company_id, in 2 tries" in str(refused.value)
        assert f"pid {writer.get_backend_pid()}" in str(refused.value)
        writer.rollback()

    prepare_whole()
    assert phase(sample) == "verified"


@pytest.mark.parametrize(("pace", "helpers"), [(NORMAL, "0"), (FAST, "2")])
def test_only_a_fast_one_lets_statements_use_more_processors(
    sample: Database, pace: Pace, helpers: str
) -> None:
    one = worker(pace=pace)
    inside = one.transact(lambda cursor: value(cursor, f"SHOW {work.HELPERS}"), "looking")
    assert inside == helpers
    with one.outside() as cursor:
        assert value(cursor, f"SHOW {work.MAINTENANCE_HELPERS}") == helpers
    assert sample.value(f"SHOW {work.MAINTENANCE_HELPERS}") == "2"
    with connection.cursor() as cursor:
        assert value(cursor, f"SHOW {work.MAINTENANCE_HELPERS}") == "2"


def test_what_the_application_writes_meanwhile_stays_after_abandoning(sample: Database) -> None:
    prepare_until("backfill")
    sample.execute(
        "UPDATE customers SET phone = '0123456789' WHERE id = 5;"
        "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name)"
        " SELECT tenant_id, 'late', id, name FROM customers WHERE id = 5"
    )
    prepare_whole()
    assert sample.fetch(WRONG_COMPANIES) == []

    abandon_whole()

    assert sample.value("SELECT phone FROM customers WHERE id = 5") == "0123456789"
    assert sample.value("SELECT count(*) FROM orders WHERE order_number = 'late'") == 1
