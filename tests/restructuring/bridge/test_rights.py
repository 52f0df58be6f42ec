"""Who may do what through the bridge: what the role may do with the tables, row by row."""

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.support.database.databases import Database
from tests.support.database.roles import roles
from tests.support.runs.bridge import (
    make_bridge,
    refusal,
    rows,
    session,
    take_away_bridge,
    value,
)
from tests.support.runs.command import assert_migrates

pytestmark = pytest.mark.slow

NOT_ALLOWED = "42501"


@pytest.fixture
def role(sample: Database) -> Iterator[str]:
    """A role with no right yet but to read tenants and companies."""
    with roles(sample, "shop") as (made,):
        sample.execute(f'GRANT SELECT ON tenants, companies TO "{made}"')
        yield made


def migrate(database: Database, folder: Path, grants: str) -> None:
    """Grant, as it was done on the legacy tables, then migrate and make the bridge."""
    database.execute(grants)
    assert_migrates(folder)
    make_bridge()


def test_a_role_may_do_with_the_views_what_it_may_do_with_the_tables(
    sample: Database, tmp_path: Path, role: str
) -> None:
    grants = (
        f'GRANT SELECT, INSERT ON customers TO "{role}";'
        f'GRANT SELECT, UPDATE ON orders TO "{role}";'
        f'GRANT USAGE ON customers_id_seq TO "{role}"'
    )
    migrate(sample, tmp_path, grants)
    with session(sample, role) as application:
        insert = "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Eve', 'eve@x.example')"
        assert rows(application, f"{insert} RETURNING name") == [("Eve",)]
        rows(application, "UPDATE orders SET quantity = 2 WHERE id = 1")
        for statement in (
            "UPDATE customers SET name = 'x'",
            "DELETE FROM customers",
            "DELETE FROM orders",
            "INSERT INTO orders (tenant_id, order_number) VALUES (1, 'x')",
        ):
            assert refusal(application, statement).sqlstate == NOT_ALLOWED


def test_rights_on_columns_hold(sample: Database, tmp_path: Path, role: str) -> None:
    grants = (
        f"GRANT SELECT (id, name, email, company_id), UPDATE (name, email, company_id), "
        f'INSERT (id, tenant_id, name, email) ON customers TO "{role}";'
        f'GRANT USAGE ON customers_id_seq TO "{role}"'
    )
    migrate(sample, tmp_path, grants)
    sample.execute("UPDATE contacts SET placed_in_company_id = company_id WHERE id = 1")
    company = sample.value("SELECT company_id FROM contacts WHERE id = 1")
    with session(sample, role) as application:
        assert value(application, "SELECT company_id FROM customers WHERE id = 1") is None
        changed = (
            "UPDATE customers SET name = 'x', email = 'x@x.example', company_id = %s WHERE id = 1"
        )
        rows(application, changed, [company])
        assert rows(application, "SELECT name, email, company_id FROM customers WHERE id = 1") == [
            ("x", "x@x.example", company)
        ]
        inserted = (
            "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Eve', 'eve@x.example') "
            "RETURNING id, company_id"
        )
        assert rows(application, inserted)[0][1] is None
        application.rollback()
        for statement in (
            "SELECT phone FROM customers",
            "UPDATE customers SET phone = '0123456789'",
            "INSERT INTO customers (tenant_id, name, email, phone) VALUES (1, 'x', 'y@x.a', '')",
        ):
            assert refusal(application, statement).sqlstate == NOT_ALLOWED


def test_rights_that_the_bridge_gave_go_with_it(
    sample: Database, tmp_path: Path, role: str
) -> None:
    sample.execute(f'GRANT SELECT (id, email), UPDATE (email, company_id) ON customers TO "{role}"')
    assert_migrates(tmp_path)
    before = sample.dump()
    make_bridge()
    assert sample.dump() != before
    assert take_away_bridge() == []
    assert sample.dump() == before


OWN_TENANT = "tenant_id = current_setting('app.tenant')::integer"


@pytest.fixture
def secured(sample: Database, tmp_path: Path, role: str) -> Database:
    """Row-level security on both tables: a session works for one tenant."""
    for table in ("customers", "orders"):
        sample.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY own ON {table} USING ({OWN_TENANT});"
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO "{role}";'
            f'GRANT USAGE ON {table}_id_seq TO "{role}"'
        )
    migrate(sample, tmp_path, "SELECT 1")
    return sample


def test_row_level_security_goes_on_holding(secured: Database, role: str) -> None:
    if secured.version < 15:
        pytest.skip("views read with the rights of their owner")
    theirs = secured.value("SELECT min(id) FROM contacts WHERE tenant_id = 2")
    with session(secured, role) as application:
        rows(application, "SET app.tenant = 1")
        application.commit()
        for table in ("customers", "orders"):
            assert rows(application, f"SELECT DISTINCT tenant_id FROM {table}") == [(1,)]
        with application.cursor() as cursor:
            for statement in (
                "UPDATE customers SET name = 'x' WHERE id = %s",
                "DELETE FROM customers WHERE id = %s",
                "UPDATE orders SET quantity = 9 WHERE customer_id = %s",
            ):
                cursor.execute(statement, [theirs])
                assert cursor.rowcount == 0
        insert = (
            "INSERT INTO customers (tenant_id, name, email) VALUES ({}, 'Eve', 'eve@x.example')"
        )
        rows(application, insert.format(1))
        assert value(application, "SELECT company_id FROM customers WHERE name = 'Eve'") is None
        rows(application, "UPDATE customers SET name = 'Eva' WHERE name = 'Eve'")
        rows(application, "DELETE FROM customers WHERE name = 'Eva'")
        assert refusal(application, insert.format(2)).sqlstate == NOT_ALLOWED


def test_nobody_but_the_owner_can_call_the_bridges_functions(
    sample: Database, tmp_path: Path, role: str
) -> None:
    migrate(sample, tmp_path, f'GRANT SELECT ON customers TO "{role}"')
    with session(sample, role) as application:
        told = refusal(application, "SELECT legacy.bridge_default_company(1)")
        assert told.sqlstate == NOT_ALLOWED


def test_functions_that_act_for_their_owner_trust_no_search_path(
    sample: Database, tmp_path: Path, role: str
) -> None:
    grants = (
        f'GRANT SELECT, INSERT ON customers TO "{role}";GRANT USAGE ON customers_id_seq TO "{role}"'
    )
    sample.execute(f'CREATE SCHEMA trap AUTHORIZATION "{role}"')
    migrate(sample, tmp_path, grants)
    with session(sample, role, "trap, legacy, public") as application:
        rows(
            application,
            "CREATE TABLE trap.companies (id integer, tenant_id integer, is_default bool)",
        )
        rows(application, "INSERT INTO trap.companies VALUES (777, 1, true)")
        rows(
            application,
            "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Eve', 'eve@x.example')",
        )
        application.commit()
    assert sample.value("SELECT company_id FROM contacts WHERE name = 'Eve'") != 777


def test_a_view_over_a_table_that_nobody_may_use_is_closed_too(
    sample: Database, tmp_path: Path, role: str
) -> None:
    migrate(sample, tmp_path, f'GRANT SELECT ON orders TO "{role}"')
    with session(sample, role) as application, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        rows(application, "SELECT * FROM customers")
