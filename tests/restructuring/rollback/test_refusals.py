"""When --rollback refuses: it names the rows or objects, and changes no byte."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2 import sql
from pytest_django import DjangoDbBlocker

from contacts.restructuring.checks.base import Severity
from contacts.restructuring.checks.before_rollback import CHECKS_BACK
from tests.cases import awkward
from tests.cases.checks.before_rollback import BLOCKERS
from tests.cases.checks.case import Case
from tests.support.database.databases import Database, Server, django_uses
from tests.support.database.roles import acting_as, roles
from tests.support.database.versions import skip_unless_known, without_nulls_not_distinct
from tests.support.runs.command import Result, assert_migrates, assert_refused, run

_numbers = itertools.count(1)


ELSEWHERE = {
    "rights": "it takes a role: test_a_role_without_rights_is_refused",
    "referring_tables": "it takes a role: test_restore_rights.py",
}
BEFORE = """
CREATE FUNCTION addresses() RETURNS int LANGUAGE sql AS 'SELECT 1 AS addresses';
ALTER INDEX ix_customers_company_id RENAME TO renamed_by_hand;
"""
"""The function's word is older than the migration, and means something else; a drifted name."""


@pytest.fixture(scope="module")
def worked_with(
    server: Server, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A migrated database, of which every case gets a copy."""
    with django_db_blocker.unblock():
        database = server.database("legacy")
        try:
            database.execute(awkward.ROWS + BEFORE)
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
    assert {*ELSEWHERE, *(case.id for case in BLOCKERS)} == errors


@pytest.mark.parametrize("case", BLOCKERS, ids=str)
def test_a_rollback_that_would_lose_something_is_refused(
    copy: Database, tmp_path: Path, case: Case
) -> None:
    skip_unless_known(copy, case.sql)
    copy.execute(case.sql)
    before = copy.dump()
    title = next(check.title for check in CHECKS_BACK if check.id == case.id)
    assert_refused(copy, roll_back(tmp_path), before, case.message, f"Validation failed: {title}")
    assert not list(tmp_path.rglob("*.jsonl.gz"))


def test_a_role_without_rights_is_refused(copy: Database, tmp_path: Path) -> None:
    with roles(copy, "clerk") as (role,):
        copy.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"')
        before = copy.dump()
        with acting_as(role):
            refused = roll_back(tmp_path)
        told = f"Role {role} is not a member of postgres, the owner of addresses"
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


def test_rules_of_others_that_hold_afterwards_are_no_obstacle(
    copy: Database, tmp_path: Path
) -> None:
    statements = """
        ALTER TABLE contacts ADD CONSTRAINT known CHECK (company_id > 0),
            ADD CONSTRAINT uq_place UNIQUE NULLS NOT DISTINCT (id, company_id),
            ADD CONSTRAINT ex EXCLUDE USING btree ((id + company_id % 1) WITH =),
            ADD half integer GENERATED ALWAYS AS (company_id / 2) STORED;
        CREATE TABLE visits (contact_id integer, company_id integer,
            FOREIGN KEY (contact_id, company_id) REFERENCES contacts (id, company_id));
        INSERT INTO visits VALUES (1, 1)
    """
    copy.execute(without_nulls_not_distinct(copy, statements))
    done = roll_back(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert copy.fetch("SELECT * FROM visits") == [(1, 1)]


def test_a_table_beside_contacts_is_named(copy: Database, tmp_path: Path) -> None:
    copy.execute("CREATE TABLE customers (id integer)")
    before = copy.dump()
    assert_refused(copy, roll_back(tmp_path), before, "found both customers and contacts")


def test_a_view_of_the_former_name_does_not_hide_the_stage(copy: Database) -> None:
    """Somebody keeps old programs going with it."""
    copy.execute("CREATE VIEW customers AS SELECT id, name FROM contacts")
    assert run("--verify-only").code == 0


def roll_back(folder: Path) -> Result:
    return run("--rollback", "--noinput", "--backup-dir", str(folder))
