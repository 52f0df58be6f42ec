"""Whatever could be written past the journal is excluded: for each fence, what breaks it."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.journal import Event
from contacts.restructuring.preparation.verifying import verify
from contacts.restructuring.switching import changed
from tests.support.database.databases import Database
from tests.support.runs.command import migrate, run
from tests.support.runs.preparation import phase, prepare_until, prepare_whole

pytestmark = pytest.mark.slow

ANY_ORDER = "(SELECT min(id) FROM orders)"
OFF = "ALTER TABLE orders DISABLE TRIGGER jmsk_journal; "
ON = "; ALTER TABLE orders ENABLE ALWAYS TRIGGER jmsk_journal"
UNHEARD = f"UPDATE orders SET price = price + 1 WHERE id = {ANY_ORDER}"
UNHEARD_SWAP = """
    UPDATE orders SET order_number = CASE order_number WHEN one THEN other ELSE one END || '~'
      FROM (SELECT min(order_number) AS one, max(order_number) AS other FROM orders) AS two
     WHERE order_number IN (one, other);
    UPDATE orders SET order_number = rtrim(order_number, '~') WHERE order_number LIKE '%~'
"""
"""Two orders with each other's numbers: every column holds the values that it held."""
BREAKS = {
    "the trigger was off for a while": (
        f"{OFF}{UNHEARD}{ON}",
        "orders.jmsk_journal was switched off",
    ),
    "the trigger is off": (OFF, "orders.jmsk_journal was switched off"),
    "the trigger fires at the origin only": (
        "ALTER TABLE orders ENABLE TRIGGER jmsk_journal",
        "orders.jmsk_journal was switched off",
    ),
    "the trigger is gone": (
        "DROP TRIGGER jmsk_journal ON customers",
        "customers.jmsk_journal is gone",
    ),
    "another one bears its name": (
        "CREATE OR REPLACE TRIGGER jmsk_journal AFTER INSERT ON tenants FOR EACH ROW"
        " EXECUTE FUNCTION jmsk_journal_tenants()",
        "tenants.jmsk_journal was switched off, changed or made again",
    ),
    "its function was replaced": (
        "CREATE OR REPLACE FUNCTION jmsk_journal_orders() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'",
        "orders.jmsk_journal was switched off, changed or made again",
    ),
    "a column was added": (
        "ALTER TABLE orders ADD COLUMN note text DEFAULT 'x'",
        "columns of orders were added, dropped or changed: note",
    ),
    "a column was dropped": (
        "ALTER TABLE customers DROP COLUMN phone; ALTER TABLE customers ADD COLUMN phone varchar",
        "columns of customers were added, dropped or changed: phone",
    ),
    "a column has another type": (
        "ALTER TABLE customers ALTER COLUMN phone TYPE varchar(50)",
        "columns of customers were added, dropped or changed: phone",
    ),
    "a table was truncated": ("TRUNCATE orders CASCADE", "orders was truncated"),
}


@pytest.fixture
def prepared(sample: Database) -> Database:
    """A database that is ready to be switched."""
    prepare_whole()
    return sample


@pytest.mark.parametrize("case", BREAKS)
def test_the_switch_refuses_and_prepare_begins_the_journal_anew(
    prepared: Database, tmp_path: Path, case: str
) -> None:
    statements, told = BREAKS[case]
    prepared.execute(statements)
    before = prepared.dump()

    done = migrate(tmp_path)

    assert (done.code, "MC907" in done.error) == (1, True), done
    assert told in done.error
    assert prepared.dump() == before

    heard: list[str] = []
    prepare_whole(listener=lambda event: heard.append(event.text))
    assert any(told in text for text in heard)
    assert migrate(tmp_path).code == 0


@pytest.mark.parametrize("case", BREAKS)
def test_the_switch_refuses_under_the_lock_what_happens_at_the_last_moment(
    prepared: Database, case: str
) -> None:
    layout = read_layout(connection)
    prepared.execute(BREAKS[case][0])

    with connection.cursor() as cursor, pytest.raises(Exception, match="MC907") as caught:
        changed.read_changed(cursor, layout)

    assert BREAKS[case][1] in str(caught.value)


@pytest.mark.parametrize("unheard", [UNHEARD, UNHEARD_SWAP], ids=["a change", "a swap"])
def test_without_the_fences_the_rows_themselves_tell(
    prepared: Database, monkeypatch: pytest.MonkeyPatch, unheard: str
) -> None:
    prepared.execute(f"{OFF}{unheard}{ON}")
    monkeypatch.setattr(verify, "broken_fences", lambda *args: [])
    monkeypatch.setattr(
        "contacts.restructuring.preparation.prepare.broken_fences", lambda *args: []
    )

    with pytest.raises(Exception, match="MC904") as caught:
        prepare_whole()

    assert "orders: 600 rows" in str(caught.value)
    assert phase(prepared) == "verified"


def test_without_the_fences_the_witness_tells_after_commit(
    prepared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheard(*args: Any) -> None:
        prepared.execute(f"{OFF}{UNHEARD}{ON}")
        monkeypatch.setattr(changed, "broken_fences", lambda *args: [])

    monkeypatch.setattr("contacts.restructuring.changes.switch.wait_for_vacuums", unheard)

    done = migrate(tmp_path)

    assert (done.code, "MC911" in done.error) == (1, True), done
    assert "the rows of orders at the lock were not what the journal said" in done.error
    again = migrate(tmp_path)
    assert (again.code, "is finished" in again.out) == (0, True), again


BESIDE_A_TRIGGER = f"""
    CREATE FUNCTION dearer() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.price := coalesce(OLD.price, 0) + 1; RETURN NEW; END';
    CREATE TRIGGER dearer BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION dearer();
    UPDATE orders SET company_id = company_id WHERE id = {ANY_ORDER};
    DROP FUNCTION dearer CASCADE;
"""
"""An update that names nothing but the company, and a trigger that changes another column."""


def test_what_is_not_heard_while_orders_are_filled_is_found_when_they_are_read(
    sample: Database,
) -> None:
    prepare_until("backfill")
    sample.execute(BESIDE_A_TRIGGER)

    with pytest.raises(Exception, match="MC904") as caught:
        prepare_whole()

    assert "orders: 600 rows" in str(caught.value)


def test_no_column_that_the_journal_listens_to_is_dropped_while_orders_are_filled(
    sample: Database,
) -> None:
    drop = "ALTER TABLE orders DROP COLUMN due_date"
    prepare_until("backfill")
    with pytest.raises(Exception, match="depends on column due_date"):
        sample.execute(drop)

    prepare_whole()
    sample.execute(drop)


@pytest.mark.parametrize("step", ["index", "verify", "switch"])
def test_once_orders_are_filled_their_journal_hears_every_update(
    sample: Database, tmp_path: Path, step: str
) -> None:
    prepare_whole() if step == "switch" else prepare_until(step)
    sample.execute(BESIDE_A_TRIGGER)
    price = f"SELECT price FROM orders WHERE id = {ANY_ORDER}"
    dearer = sample.value(price)

    if step != "switch":
        prepare_whole()

    assert migrate(tmp_path).code == 0
    assert sample.value(price) == dearer


def test_a_trigger_that_was_touched_while_orders_are_filled_is_not_sealed_again(
    sample: Database,
) -> None:
    heard: list[str] = []
    moments = iter([True])

    def hear(event: Event) -> None:
        heard.append(event.text)
        if (event.step, event.kind) == ("backfill", "progress") and next(moments, False):
            sample.execute(f"{OFF}{UNHEARD}{ON}")

    prepare_whole(listener=hear)

    assert any("orders.jmsk_journal was switched off" in text for text in heard)
    assert phase(sample) == "verified"


HEARD = {
    "a session in replica mode": f"SET session_replication_role = replica; {UNHEARD}",
    "COPY": "COPY orders (tenant_id, order_number, customer_name) FROM PROGRAM"
    " 'printf \"1\\tCOPY-1\\twalk-in\\n\"'",
    "settings of the session": "SET DateStyle = 'SQL, DMY'; SET extra_float_digits = 0;"
    " SET TimeZone = 'Asia/Tokyo'; SET bytea_output = escape; SET IntervalStyle = iso_8601;"
    " UPDATE orders SET price = 0.1 + 0.2, due_date = now(), target_weight_per_piece = '-0'",
    "what the tool would set": f"SET jmsk.tool = 'on'; {UNHEARD}",
    "savepoints and rollbacks": f"BEGIN; {UNHEARD}; SAVEPOINT a; DELETE FROM shipments;"
    f" ROLLBACK TO a; {UNHEARD}; COMMIT; BEGIN; {UNHEARD}; ROLLBACK",
    "another key": f"DELETE FROM shipments; DELETE FROM manufacturing_steps;"
    f" UPDATE orders SET id = id + 1000000 WHERE id = {ANY_ORDER}",
    "deleted and inserted again": "DELETE FROM shipments; DELETE FROM manufacturing_steps;"
    " CREATE TABLE kept AS SELECT * FROM orders WHERE id % 7 = 0;"
    " DELETE FROM orders WHERE id % 7 = 0; INSERT INTO orders SELECT * FROM kept; DROP TABLE kept",
    "ON CONFLICT": "INSERT INTO orders (id, tenant_id, order_number, customer_name) SELECT id,"
    " tenant_id, order_number, customer_name FROM orders WHERE id % 5 = 0"
    " ON CONFLICT (id) DO UPDATE SET price = coalesce(orders.price, 0) + 1",
    "a view": f"CREATE VIEW seen AS SELECT id AS number, price AS cost FROM orders; UPDATE seen SET"
    f" cost = cost + 1 WHERE number = {ANY_ORDER}; DROP VIEW seen",
    "minus zero": "UPDATE orders SET price = 0; UPDATE orders SET price = '-0'",
    "an update that changes nothing": "UPDATE customers SET phone = phone || ''",
    "a company emptied and deleted": "UPDATE customers SET company_id = NULL WHERE company_id ="
    " (SELECT min(company_id) FROM customers); DELETE FROM companies c WHERE NOT EXISTS"
    " (SELECT 1 FROM customers WHERE company_id = c.id)",
    "a filled company meddled with": "UPDATE orders SET company_id = (SELECT max(id) FROM"
    f" companies) WHERE id = {ANY_ORDER}",
}


@pytest.mark.parametrize("case", HEARD)
@pytest.mark.parametrize("step", ["backfill", "verify", "switch"])
def test_what_goes_through_the_journal_is_switched_whatever_it_is(
    sample: Database, tmp_path: Path, case: str, step: str
) -> None:
    if step == "switch":
        prepare_whole()
    else:
        prepare_until(step)
    sample.execute(HEARD[case])
    rows = sample.fetch("SELECT id, customer_id, price, due_date FROM orders ORDER BY id")

    if step != "switch":
        prepare_whole()
    done = migrate(tmp_path)

    assert (done.code, done.error) == (0, ""), done
    assert sample.fetch("SELECT id, contact_id, price, due_date FROM orders ORDER BY id") == rows
    assert (
        sample.value(
            "SELECT count(*) FROM orders o LEFT JOIN contacts c ON c.id = o.contact_id WHERE"
            " o.company_id IS DISTINCT FROM coalesce(c.company_id, (SELECT d.id FROM companies d"
            " WHERE d.tenant_id = o.tenant_id AND d.is_default))"
        )
        == 0
    )


def test_a_row_that_stands_in_the_way_since_the_check_is_named(
    prepared: Database, tmp_path: Path
) -> None:
    prepared.execute(
        "UPDATE customers SET company_id = (SELECT min(u.id) FROM companies u"
        " WHERE u.tenant_id <> customers.tenant_id) WHERE id = 1"
    )
    before = prepared.dump("-t", "customers", "-t", "orders")

    done = migrate(tmp_path)

    assert done.code == 1
    assert "Customer 1 (tenant" in done.out
    assert prepared.dump("-t", "customers", "-t", "orders") == before


def test_more_orphans_than_allowed_are_not_placed_under_the_lock(
    prepared: Database, tmp_path: Path
) -> None:
    done = migrate(tmp_path, "--max-orphans", "0")

    assert (done.code, "MC909" in done.error) == (1, True), done
    assert run("--status").code == 0
    assert migrate(tmp_path).code == 0


def test_too_much_changed_is_checked_again_beside_the_application_not_under_the_lock(
    prepared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed, "MOST_CHANGES", 3)
    moments = iter([True])

    def many_move(*args: Any) -> None:
        if next(moments, False):
            prepared.execute(
                "UPDATE customers SET company_id = (SELECT max(id) FROM companies u"
                " WHERE u.tenant_id = customers.tenant_id) WHERE id < 40"
            )

    monkeypatch.setattr("contacts.restructuring.changes.switch.wait_for_vacuums", many_move)

    done = migrate(tmp_path)

    assert (done.code, done.error) == (0, ""), done
    assert "checking every row again: " in done.output
    assert prepared.value("SELECT count(*) FROM contacts WHERE company_id IS NULL") == 0
