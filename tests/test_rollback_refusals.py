"""When --rollback refuses: it names the rows or objects, and changes no byte."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg2 import sql
from pytest_django import DjangoDbBlocker

from contacts.restructuring.checks import Severity
from contacts.restructuring.checks_back import CHECKS_BACK
from tests import awkward
from tests.databases import Database, Server, django_uses
from tests.runs import Run, acting_as, assert_migrates, assert_refused, roles, run

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """What somebody did after the migration, the check that it fails, and what is said of it."""

    id: str
    sql: str
    told: str

    def __str__(self) -> str:
        return f"{self.id}: {self.told}"


CASES = (
    Case(
        "unique_emails_in_tenant",
        "INSERT INTO contacts (id, tenant_id, name, email, company_id) "
        "VALUES (900, 1, 'Ada again', 'ada@example.com', 8)",
        "2 contacts of tenant 1 have the e-mail of contact 1",
    ),
    Case(
        "every_contact_has_email",
        "INSERT INTO contacts (id, tenant_id, name, company_id) VALUES (900, 1, 'shy', 8)",
        "Contact 900 (tenant 1) has no e-mail",
    ),
    Case(
        "every_order_has_contact",
        "UPDATE contacts_restructuringrun SET legacy_objects = "
        "jsonb_set(legacy_objects, '{orders,not_null,customer_id}', 'true')",
        "Order 3 (tenant 1) has no contact",
    ),
    Case(
        "dependents",
        "CREATE VIEW placed AS SELECT id FROM contacts WHERE placed_in_company_id IS NOT NULL",
        "View placed depends on contacts.placed_in_company_id",
    ),
    Case(
        "dependents",
        "CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) FROM addresses GROUP BY city",
        "Materialized view cities depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM contacts'",
        "Function f() names contacts",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql "
        "BEGIN ATOMIC SELECT count(company_id) FROM orders; END",
        "Function g() depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION h(addresses) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "Function h(addresses) depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE TABLE letters (address_id integer CONSTRAINT letters_go REFERENCES addresses "
        "ON DELETE CASCADE)",
        "Constraint letters_go on table letters depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE TABLE old_homes (home addresses[])",
        "Column home of table old_homes depends on addresses",
    ),
    Case(
        "dependents",
        "CREATE INDEX by_month ON orders (company_id, due_date)",
        "Index by_month depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE POLICY mine ON orders USING (company_id > 0)",
        "Policy mine on table orders depends on orders.company_id",
    ),
    Case(
        "dependents",
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER t AFTER UPDATE OF fax ON companies FOR EACH ROW EXECUTE FUNCTION no()",
        "Trigger t on table companies depends on companies.fax",
    ),
    Case(
        "dependents",
        "CREATE PUBLICATION p FOR TABLE orders (id, company_id)",
        "Publication of table orders in publication p depends on orders.company_id",
    ),
    Case(
        "alembic_record",
        "UPDATE alembic_version SET version_num = '004_further'",
        "Alembic's record was stamped 003_elsewhere; now it says 004_further",
    ),
    Case(
        "alembic_record",
        "DROP TABLE alembic_version",
        "Alembic's record was stamped 003_elsewhere; now it says nothing",
    ),
    Case(
        "writable",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
        "current_database()); END $$",
        "default_transaction_read_only is on",
    ),
)
ELSEWHERE = {
    "rights": "it takes a role: test_a_role_without_rights_is_refused",
    "referring_tables": "it takes a role: test_restore_rights.py",
}


@pytest.fixture(scope="module")
def worked_with(
    server: Server, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A migrated database, of which every case gets a copy."""
    with django_db_blocker.unblock():
        database = server.database("legacy")
        try:
            # Its word is older than the migration, and means something else.
            database.execute(
                awkward.ROWS + "CREATE FUNCTION addresses() RETURNS int LANGUAGE sql "
                "AS 'SELECT 1 AS addresses'"
            )
            with django_uses(database):
                folder = tmp_path_factory.mktemp("reports")
                assert_migrates(folder, "--alembic-stamp", "003_elsewhere")
            yield database
        finally:
            server.drop(database.name)


@pytest.fixture
def copy(
    server: Server, worked_with: Database, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    made = Database(f"{server.run}_{os.getpid()}_copy_{next(_numbers)}", server.settings)
    names = [sql.Identifier(name) for name in (made.name, worked_with.name)]
    server.maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    try:
        with django_db_blocker.unblock(), django_uses(made):
            yield made
    finally:
        server.drop(made.name)


def test_every_error_has_a_case() -> None:
    errors = {check.id for check in CHECKS_BACK if check.severity is Severity.ERROR}
    assert {*ELSEWHERE, *(case.id for case in CASES)} == errors


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rollback_that_would_lose_something_is_refused(
    copy: Database, tmp_path: Path, case: Case
) -> None:
    copy.execute(case.sql)
    before = copy.dump()
    title = next(check.title for check in CHECKS_BACK if check.id == case.id)
    assert_refused(copy, roll_back(tmp_path), before, case.told, f"Validation failed: {title}")
    assert not list(tmp_path.rglob("*.jsonl.gz"))


def test_a_role_without_rights_is_refused(copy: Database, tmp_path: Path) -> None:
    with roles(copy, "clerk") as (role,):
        copy.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
        before = copy.dump()
        with acting_as(role):
            refused = roll_back(tmp_path)
        told = f"Role {role} is no member of postgres, the owner of addresses"
        assert_refused(copy, refused, before, told)


def test_a_sound_database_is_not_refused(copy: Database, tmp_path: Path) -> None:
    """The restructuring's own keys, indexes and triggers on what goes are no obstacle."""
    assert roll_back(tmp_path).code == 0


@pytest.mark.parametrize("kind", ["legacy", "empty"])
def test_only_a_migrated_database_is_rolled_back(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    database = request.getfixturevalue(kind)
    before = database.dump()
    assert_refused(database, roll_back(tmp_path), before, f"is {kind}, not migrated")


def roll_back(folder: Path) -> Run:
    return run("--rollback", "--noinput", "--backup-dir", str(folder))
