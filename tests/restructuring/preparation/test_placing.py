"""Customers without a company are placed before the switch where the operator agrees to it."""

from pathlib import Path

import pytest

from tests.cases import awkward
from tests.restructuring.preparation.test_roads import assert_same
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.command import assert_migrates, run, run_into
from tests.support.runs.preparation import (
    abandon_whole,
    prepare_until,
    prepare_whole,
    sorted_dump,
)

pytestmark = pytest.mark.slow

ORPHANS = "SELECT count(*) FROM customers WHERE company_id IS NULL"
PLACED = "SELECT count(*) FROM customers WHERE company_id = placed_in_company_id"
LEGACY_TABLES = ("-t", "tenants", "-t", "companies", "-t", "customers", "-t", "orders")
AUDIT = """
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        RAISE EXCEPTION ''an edit of %'', TG_TABLE_NAME; END';
    CREATE TRIGGER audit BEFORE INSERT OR UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION audit();
"""


def test_both_roads_lead_to_the_same_where_customers_were_placed_early(
    server: Server, legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    orphans = legacy.value(ORPHANS)
    offline = server.copy(legacy)
    with django_uses(offline):
        assert_migrates(tmp_path / "offline")

    prepared = run("--prepare", "--place-early", "--noinput", "--pace", "fast")
    assert (prepared.code, prepared.error) == (0, ""), prepared
    assert (legacy.value(ORPHANS), legacy.value(PLACED)) == (0, orphans)
    # One who comes later is placed by the switch.
    late = "INSERT INTO customers (id, tenant_id, name, email) VALUES (4711, 1, 'Late', 'l@x.org')"
    legacy.execute(late)
    legacy.execute("DELETE FROM customers WHERE id = 4711")
    assert_migrates(tmp_path / "online", "--max-orphans", "0")

    assert_same(legacy, offline)
    counts = "SELECT counts - 'orders_righted' - 'orders_without_contact' FROM {}"
    runs = counts.format("contacts_restructuringrun")
    assert legacy.value(runs) == offline.value(runs)
    server.drop(offline.name)


MOVES = {
    "to no company": "NULL",
    "to another company": "(SELECT min(u.id) FROM companies u WHERE u.tenant_id = c.tenant_id)",
    "away and back": "(SELECT min(u.id) FROM companies u WHERE u.tenant_id = c.tenant_id);"
    " UPDATE customers c SET company_id = placed_in_company_id",
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("step", ["verify", "switch"])
def test_who_was_placed_and_is_moved_by_the_application_takes_the_orders_along(
    legacy: Database, tmp_path: Path, move: str, step: str
) -> None:
    legacy.execute(awkward.ROWS)
    if step == "switch":
        prepare_whole(place_early=True)
    else:
        prepare_until(step, place_early=True)
    legacy.execute(
        f"UPDATE customers c SET company_id = {MOVES[move]} WHERE placed_in_company_id IS NOT NULL"
    )
    if step != "switch":
        prepare_whole()

    assert_migrates(tmp_path)

    assert legacy.value("SELECT count(*) FROM contacts WHERE company_id IS NULL") == 0
    astray = (
        "SELECT count(*) FROM orders o JOIN contacts c ON c.id = o.contact_id"
        " WHERE o.company_id <> c.company_id"
    )
    assert legacy.value(astray) == 0


def test_placing_is_no_news_to_the_journal(legacy: Database) -> None:
    legacy.execute(awkward.ROWS)

    prepare_until("verify", place_early=True)

    assert legacy.value(PLACED) > 0
    lines = "SELECT count(*) FROM jmsk_preparation_journal WHERE table_name = 'customers'"
    assert legacy.value(lines) == 0


def test_abandoned_it_is_taken_back_with_the_companies_that_were_made(legacy: Database) -> None:
    legacy.execute(awkward.ROWS)
    before = sorted_dump(legacy)
    prepare_whole(place_early=True)
    assert legacy.value(ORPHANS) == 0

    abandon_whole()

    assert sorted_dump(legacy) == before


def test_abandoned_a_company_that_somebody_uses_stays(legacy: Database) -> None:
    legacy.execute(awkward.ROWS)
    prepare_whole(place_early=True)
    company, orphan = legacy.fetch(
        "SELECT company_id, id FROM customers WHERE company_id = placed_in_company_id ORDER BY id"
    )[0]
    legacy.execute(
        f"INSERT INTO customers (id, tenant_id, name, email, company_id) SELECT 4711, tenant_id,"
        f" 'New', 'new@example.com', {company} FROM companies WHERE id = {company}"
    )

    abandon_whole()

    assert legacy.value(f"SELECT company_id FROM customers WHERE id = {orphan}") is None
    assert legacy.value("SELECT company_id FROM customers WHERE id = 4711") == company


def test_rollback_leads_back_to_customers_without_a_company(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    before = sorted(legacy.dump(*LEGACY_TABLES).splitlines())
    prepare_whole(place_early=True)
    assert_migrates(tmp_path)

    done = run_into(tmp_path, "--rollback", "--noinput")

    assert (done.code, done.error) == (0, ""), done
    assert sorted(legacy.dump(*LEGACY_TABLES).splitlines()) == before


def test_triggers_of_others_do_not_see_it(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    before = sorted_dump(legacy)
    legacy.execute(AUDIT.format(table="companies"))
    legacy.execute(AUDIT.format(table="customers").replace("audit()", "audit_again()"))

    prepare_whole(place_early=True)
    assert legacy.value(ORPHANS) == 0
    abandon_whole()

    legacy.execute("DROP FUNCTION audit, audit_again CASCADE")
    assert sorted_dump(legacy) == before


def test_triggers_that_would_see_it_are_named_and_nobody_is_placed(legacy: Database) -> None:
    legacy.execute(awkward.ROWS)
    orphans = legacy.value(ORPHANS)
    legacy.execute(AUDIT.format(table="customers"))
    legacy.execute("ALTER TABLE customers ENABLE ALWAYS TRIGGER audit")

    done = run("--prepare", "--place-early", "--noinput", "--pace", "fast")

    assert done.code == 1
    assert "MC901" in done.error
    assert "trigger audit of customers" in done.error
    assert legacy.value(ORPHANS) == orphans


def test_the_switch_says_how_long_it_takes_and_how_to_do_it_before(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    prepare_whole()

    done = run_into(tmp_path, "--noinput", "--max-orphans", "0")

    assert done.code == 1
    assert "MC909" in done.error
    assert "--place-early" in done.error
