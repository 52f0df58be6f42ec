"""What the legacy application writes, and what becomes of it in the restructured tables."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from tests.support.database.databases import Database
from tests.support.database.invariants import BROKEN
from tests.support.database.migrated_rows import fill
from tests.support.runs.bridge import make_bridge, rows, session, value

NEW = (
    "INSERT INTO customers (tenant_id, name, email, company_id) VALUES (%s, %s, %s, %s) RETURNING "
)
BASE = "SELECT company_id, placed_in_company_id, email, email_set_aside FROM contacts WHERE id = %s"


@pytest.fixture
def application(migrated: Database) -> Iterator[extensions.connection]:
    """A session of the legacy application; contact 11 stands where it was placed."""
    fill(migrated)
    migrated.execute(
        "UPDATE contacts SET placed_in_company_id = 1, email_set_aside = 'ada@x.example' "
        "WHERE id = 11;"
        "UPDATE contacts SET email = 'ada@x.example' WHERE id = 12;"
        "UPDATE contacts SET email = 'cleo@x.example' WHERE id = 13;"
        "SELECT setval(name || '_id_seq', 50) "
        "FROM unnest('{companies,contacts,orders}'::text[]) AS name"
    )
    make_bridge()
    with session(migrated) as opened:
        yield opened
        rows(opened, "SET search_path = public")
        assert rows(opened, BROKEN) == []


def test_a_customer_without_a_company_goes_to_the_default_company(
    application: extensions.connection,
) -> None:
    ((key, company),) = rows(application, NEW + "id, company_id", [1, "Eve", "eve@x.example", None])
    assert company is None
    assert rows(application, BASE, [key]) == [(1, 1, "eve@x.example", None)]


def test_the_default_company_is_made_where_it_is_missing(
    application: extensions.connection,
) -> None:
    ((key,),) = rows(application, NEW + "id", [2, "Eve", "eve@x.example", None])
    ((company, placed, _, _),) = rows(application, BASE, [key])
    assert company == placed
    assert rows(
        application,
        "SELECT tenant_id, name, is_default, created_at IS NOT NULL, updated_at IS NOT NULL "
        "FROM companies WHERE id = %s",
        [company],
    ) == [(2, "Default Company", True, True, True)]


def test_a_company_of_that_name_becomes_the_default_company(
    application: extensions.connection,
) -> None:
    rows(
        application, "INSERT INTO companies (id, tenant_id, name) VALUES (9, 2, 'Default Company')"
    )
    ((key,),) = rows(application, NEW + "id", [2, "Eve", "eve@x.example", None])
    assert value(application, BASE, [key]) == 9


def test_a_customer_with_a_company_is_not_placed(application: extensions.connection) -> None:
    ((key,),) = rows(application, NEW + "id", [1, "Eve", "eve@x.example", 2])
    assert rows(application, BASE, [key]) == [(2, None, "eve@x.example", None)]


def test_an_id_comes_from_the_tables_sequence(application: extensions.connection) -> None:
    ((first,),) = rows(application, NEW + "id", [1, "Eve", "eve@x.example", None])
    ((second,),) = rows(
        application,
        "INSERT INTO contacts (tenant_id, company_id, name) VALUES (1, 1, 'Fay') RETURNING id",
    )
    assert second == first + 1
    ((chosen,),) = rows(
        application,
        "INSERT INTO customers (id, tenant_id, name, email) VALUES (500, 1, 'Gil', 'g@x.example') "
        "RETURNING id",
    )
    assert chosen == 500


def test_an_id_comes_from_an_identity_column_too(migrated: Database) -> None:
    migrated.execute(
        "ALTER TABLE contacts ALTER COLUMN id DROP DEFAULT; DROP SEQUENCE contacts_id_seq;"
        "ALTER TABLE contacts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START 70)"
    )
    migrated.execute("INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum')")
    make_bridge()
    with session(migrated) as opened:
        assert rows(opened, NEW + "id", [1, "Eve", "eve@x.example", None]) == [(70,)]
        assert rows(opened, NEW + "id", [1, "Fay", "fay@x.example", None]) == [(71,)]


@pytest.mark.parametrize(
    ("company", "base"),
    [(2, (2, 1)), (1, (1, None)), (None, (1, 1))],
    ids=["another", "the default company itself", "none"],
)
def test_a_company_settles_where_a_placed_customer_belongs(
    application: extensions.connection, company: int | None, base: tuple[int, int | None]
) -> None:
    rows(application, "UPDATE customers SET company_id = %s WHERE id = 11", [company])
    assert rows(application, BASE, [11])[0][:2] == base
    assert value(application, "SELECT company_id FROM customers WHERE id = 11") == company
    assert value(application, "SELECT company_id FROM public.orders WHERE id = 21") == base[0]


def test_a_company_taken_away_places_the_customer_again(
    application: extensions.connection,
) -> None:
    rows(application, "UPDATE customers SET company_id = NULL WHERE id = 12")
    # The e-mail stands once in the tenant: contact 11's is set aside.
    assert rows(application, BASE, [12])[0][:2] == (1, 1)
    assert value(application, "SELECT company_id FROM public.orders WHERE id = 22") == 1


def test_only_what_has_changed_is_written(application: extensions.connection) -> None:
    rows(application, "UPDATE customers SET name = 'Ada B.', email = email WHERE id = 11")
    assert rows(application, BASE, [11]) == [(1, 1, None, "ada@x.example")]


def test_a_new_email_replaces_the_one_set_aside(application: extensions.connection) -> None:
    rows(application, "UPDATE customers SET email = 'new@x.example' WHERE id = 11")
    assert rows(application, BASE, [11]) == [(1, 1, "new@x.example", None)]


def test_the_legacy_rules_judge_what_goes_through_the_view_only(
    application: extensions.connection,
) -> None:
    through = "UPDATE customers SET email = 'new@x.example' WHERE id = 11"
    past = "UPDATE contacts SET email = 'new@x.example' WHERE id = 12"
    assert rows(application, f"{through} RETURNING company_id") == [(None,)]
    rows(application, "SAVEPOINT before")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        rows(application, past.replace("contacts", "customers"))
    rows(application, "ROLLBACK TO before")
    rows(application, past)


def test_writes_return_what_stands_in_the_table_then(
    migrated: Database, application: extensions.connection
) -> None:
    migrated.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;"
        "CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON contacts "
        "FOR EACH ROW EXECUTE FUNCTION shout()"
    )
    assert rows(application, NEW + "name", [1, "Eve", "eve@x.example", None]) == [("EVE",)]
    changed = "UPDATE customers SET name = 'ben' WHERE id = 12 RETURNING name, company_id"
    assert rows(application, changed) == [("BEN", 2)]


def test_as_many_rows_are_counted_as_were_written(application: extensions.connection) -> None:
    with application.cursor() as cursor:
        for statement, count in {
            "UPDATE customers SET phone = '0123456789' WHERE tenant_id = 1": 2,
            "UPDATE customers SET phone = '0123456789' WHERE id = 99": 0,
            "DELETE FROM orders WHERE customer_id = 12": 1,
            "DELETE FROM customers WHERE id = 12": 1,
        }.items():
            cursor.execute(statement)
            assert cursor.rowcount == count


def test_an_order_takes_its_customers_company_and_snapshot(
    application: extensions.connection,
) -> None:
    rows(application, "UPDATE contacts SET phone = '0123456789' WHERE id = 11")
    ((key,),) = rows(
        application,
        "INSERT INTO orders (tenant_id, order_number, customer_id) VALUES (1, 'A-30', 11) "
        "RETURNING id",
    )
    assert rows(
        application,
        "SELECT company_id, customer_name, customer_email, customer_phone "
        "FROM public.orders WHERE id = %s",
        [key],
    ) == [(1, "Ada", "ada@x.example", "0123456789")]


def test_a_snapshot_that_is_given_stays_as_it_is(application: extensions.connection) -> None:
    assert rows(
        application,
        "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name) "
        "VALUES (1, 'A-30', 11, 'Ada then') RETURNING customer_name, customer_email",
    ) == [("Ada then", None)]


def test_an_order_follows_its_customer_to_another_company(
    application: extensions.connection,
) -> None:
    rows(application, "UPDATE orders SET customer_id = 12 WHERE id = 21")
    assert value(application, "SELECT company_id FROM public.orders WHERE id = 21") == 2
    rows(application, "UPDATE orders SET customer_id = NULL WHERE id = 21")
    assert value(application, "SELECT company_id FROM public.orders WHERE id = 21") == 2


@pytest.mark.parametrize("tenant", [1, 2], ids=["there", "made"])
def test_an_order_without_a_customer_goes_to_the_default_company(
    application: extensions.connection, tenant: int
) -> None:
    ((key,),) = rows(
        application,
        "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (%s, 'A-30', 'x') "
        "RETURNING id",
        [tenant],
    )
    assert rows(
        application,
        "SELECT c.is_default, c.tenant_id FROM public.orders o JOIN companies c "
        "ON c.id = o.company_id WHERE o.id = %s",
        [key],
    ) == [(True, tenant)]


def test_orders_take_on_conflict_and_returning(application: extensions.connection) -> None:
    statement = (
        "INSERT INTO orders (tenant_id, order_number, customer_id, quantity) "
        "VALUES (1, 'A-21', 11, 5) ON CONFLICT (order_number) "
        "DO UPDATE SET quantity = excluded.quantity RETURNING id, quantity, customer_id"
    )
    assert rows(application, statement) == [(21, 5, 11)]


def test_savepoints_hold(application: extensions.connection) -> None:
    rows(application, "SAVEPOINT before")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        rows(application, NEW + "id", [1, "Twin", "ada@x.example", 2])
    rows(application, "ROLLBACK TO before")
    rows(application, NEW + "id", [1, "Eve", "eve@x.example", 2])
    rows(application, "RELEASE before")
    assert value(application, "SELECT count(*) FROM customers WHERE name IN ('Eve', 'Twin')") == 1


def test_each_application_sees_what_the_other_made(
    migrated: Database, application: extensions.connection
) -> None:
    made: Any = rows(application, NEW + "id", [1, "Eve", "eve@x.example", None])[0][0]
    application.commit()
    assert migrated.value("SELECT name FROM contacts WHERE id = %s", [made]) == "Eve"
    other = migrated.value(
        "INSERT INTO contacts (tenant_id, company_id, name, email) "
        "VALUES (1, 2, 'Fay', 'fay@x.example') RETURNING id"
    )
    query = "SELECT id, company_id FROM customers WHERE email = 'fay@x.example'"
    assert rows(application, query) == [(other, 2)]


def test_a_company_with_placed_customers_only_keeps_the_rule_of_the_restructured_tables(
    application: extensions.connection,
) -> None:
    rows(application, "DELETE FROM public.orders WHERE company_id = 1")
    with pytest.raises(psycopg2.errors.RestrictViolation):
        rows(application, "DELETE FROM companies WHERE id = 1")
    application.rollback()
