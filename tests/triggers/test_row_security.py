"""Row-level security: addresses is as closed as companies, and no hidden row lets a rule pass."""

from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import add_address
from tests.support.database.roles import roles
from tests.support.runs.command import assert_migrates, run

pytestmark = pytest.mark.slow

SECURED = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum'), (2, 'Bijou', 'bijou');
INSERT INTO companies (id, tenant_id, name) VALUES (1, 1, 'Ring & Co'), (2, 2, 'Opal');
INSERT INTO customers (id, tenant_id, name, email, company_id) VALUES
    (11, 1, 'Ada', 'ada@example.com', 1), (12, 2, 'Ben', 'ben@example.com', 2);
CREATE POLICY own ON companies USING (tenant_id = current_setting('shop.tenant')::integer);
ALTER TABLE companies ENABLE ROW LEVEL SECURITY;
"""
SECURITY = (
    "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'addresses'::regclass"
)


@pytest.fixture
def secured(legacy: Database, tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """A migrated database, with a role that sees what is of the tenant that it has set."""
    legacy.execute(SECURED)
    with roles(legacy, "clerk") as (clerk,):
        legacy.execute(
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON companies, customers, orders TO "{clerk}"'
        )
        assert_migrates(tmp_path)
        legacy.execute(add_address(31, company=1))
        legacy.execute(add_address(32, company=2, tenant=2))
        yield legacy, f'SET ROLE "{clerk}"; SET shop.tenant = 1; '


def test_addresses_are_seen_and_deleted_by_who_sees_their_company(
    secured: tuple[Database, str],
) -> None:
    database, clerk = secured

    assert database.fetch(clerk + "SELECT id FROM addresses") == [(31,)]
    database.execute(clerk + "UPDATE addresses SET city = 'Oslo'; DELETE FROM addresses")
    assert database.fetch("SELECT id, city FROM addresses") == [(32, "Rome")]


def test_address_of_a_hidden_company_is_not_added(secured: tuple[Database, str]) -> None:
    database, clerk = secured

    database.execute(clerk + add_address(33, company=1))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="row-level security policy"):
        database.execute(clerk + add_address(34, company=2, tenant=2))


def test_verification_passes_and_the_way_back_takes_the_policy_along(
    secured: tuple[Database, str], tmp_path: Path
) -> None:
    database, _ = secured

    assert run("--verify-only", "--backup-dir", str(tmp_path)).code == 0
    done = run("--rollback", "--noinput", "--backup-dir", str(tmp_path))

    assert done.code == 0, done
    assert database.value("SELECT to_regclass('addresses') IS NULL")
    assert database.fetch("SELECT polname FROM pg_policy") == [("own",)]


@pytest.mark.parametrize("forced", [False, True])
def test_addresses_is_forced_where_companies_is(
    legacy: Database, tmp_path: Path, *, forced: bool
) -> None:
    legacy.execute(SECURED)
    legacy.execute(f"ALTER TABLE companies {'' if forced else 'NO '}FORCE ROW LEVEL SECURITY")

    assert_migrates(tmp_path)

    assert legacy.fetch(SECURITY) == [(True, forced)]


def test_addresses_has_no_security_where_companies_has_none(migrated: Database) -> None:
    assert migrated.fetch(SECURITY) == [(False, False)]


FOREIGN = {
    "contact": "UPDATE contacts SET company_id = 2 WHERE id = 11",
    "order": "INSERT INTO orders (tenant_id, company_id, order_number) VALUES (1, 2, 'A-1')",
    "address": "UPDATE addresses SET company_id = 2 WHERE id = 31",
    "company": "UPDATE companies SET tenant_id = 1 WHERE id = 2",
}


@pytest.mark.parametrize("table", ["companies", "contacts"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_rule_fails_rather_than_pass_where_policies_apply_to_its_owner(
    secured: tuple[Database, str], kind: str, table: str
) -> None:
    database, _ = secured
    with roles(database, "owner") as (owner,):
        database.execute(f'GRANT CREATE ON SCHEMA public TO "{owner}"')
        for name in ("companies", "contacts", "orders", "addresses"):
            database.execute(f'ALTER TABLE {name} OWNER TO "{owner}"')
        functions = database.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'trg\\_%'")
        for (name,) in functions:
            database.execute(f'ALTER FUNCTION {name}() OWNER TO "{owner}"')
        database.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        database.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")

        with pytest.raises(psycopg2.Error) as caught:
            database.execute(FOREIGN[kind])

        assert isinstance(
            caught.value, psycopg2.errors.InsufficientPrivilege | psycopg2.IntegrityError
        )
