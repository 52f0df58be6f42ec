"""--rollback on a database that people have worked with: what comes back, what stays, what goes."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.cases import awkward
from tests.support.database.catalogues import schema_dump
from tests.support.database.databases import Database, Server, django_uses
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import Result, assert_migrates, assert_refused, run, start

pytestmark = pytest.mark.slow

INVOICES = """
CREATE TABLE invoices (
    id serial PRIMARY KEY,
    company_id integer REFERENCES companies (id) ON DELETE CASCADE
)
"""
"""A table of another program, made before the migration."""

WORK = """
UPDATE contacts SET company_id = 1 WHERE id = 2;
UPDATE contacts SET email = 'new@example.com' WHERE id = 102;
INSERT INTO contacts (id, tenant_id, name, email, company_id) VALUES
    (300, 1, 'new in the default company', 'new300@example.com', 2147483101);
INSERT INTO companies (id, tenant_id, name, fax) VALUES (600, 2, 'Neu', '0123456789');
INSERT INTO contacts (id, tenant_id, name, email, company_id) VALUES
    (301, 2, 'new', 'new301@example.com', 600);
INSERT INTO orders (id, tenant_id, order_number, contact_id, company_id, customer_name) VALUES
    (301, 2, 'N-1', 301, 600, 'new'), (302, 2, 'N-2', NULL, 7, 'walk-in');
INSERT INTO addresses (id, tenant_id, company_id, street_address, city, state, zip_code) VALUES
    (9, 1, 1, '1 High Street', 'York', 'Y', '12345');
UPDATE orders SET company_id = 8 WHERE id = 3;
UPDATE companies SET name = 'Made something of it' WHERE id = 2147483102;
INSERT INTO invoices (company_id) VALUES (2147483103);
"""
"""What people did afterwards. The run created companies 2147483101 to 2147483104."""

COMPANY = {
    1: 1,
    2: 1,  # moved by a person
    3: None,
    17: None,  # in the Default Company that was there before
    18: 7,
    40: None,
    101: None,
    102: None,
    103: None,
    104: None,
    105: None,
    106: 7,
    107: None,
    300: 2147483101,
    301: 600,
    401: None,
    2147483000: 2147483000,
}
TOLD = (
    "Address 9 of company 1 (York) goes",
    "The fax of company 600 goes",
    "Order 3 has no contact; that it belongs to company 8 goes",
    "Contact 102 keeps its new e-mail; the one that was set aside goes",
)


class RolledBack:
    """A database that was migrated, worked with and rolled back."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        database.execute(awkward.ROWS + awkward.DUPLICATES + INVOICES)
        database.execute("INSERT INTO tenants (id, name, subdomain) VALUES (6, 'Sixth', 'sixth')")
        database.execute(
            "INSERT INTO customers (id, tenant_id, name, email) VALUES (401, 6, 'alone', 'a@b.cd')"
        )
        with django_uses(database):
            assert_migrates(folder, "--alembic-stamp", "003_elsewhere")
            database.execute(WORK)
            self.run = run("--rollback", "--noinput", "--backup-dir", str(folder))


@pytest.fixture(scope="module")
def done(
    server: Server, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RolledBack]:
    with django_db_blocker.unblock():
        database = server.database("legacy")
        try:
            yield RolledBack(database, tmp_path_factory.mktemp("backups"))
        finally:
            server.drop(database.name)


def test_a_rollback_ends_well(done: RolledBack) -> None:
    assert (done.run.code, done.run.error) == (0, "")


def test_the_placed_have_no_company_again_and_the_moved_keep_theirs(done: RolledBack) -> None:
    assert dict(done.database.fetch("SELECT id, company_id FROM customers")) == COMPANY


def test_emails_set_aside_come_back_but_for_a_new_one(done: RolledBack) -> None:
    found = dict(
        done.database.fetch(
            "SELECT id, email FROM customers WHERE id = ANY(%s)", [list(awkward.SET_ASIDE)]
        )
    )
    assert found == {**awkward.SET_ASIDE, 102: "new@example.com"}


def test_default_companies_go_unless_somebody_uses_them(done: RolledBack) -> None:
    """One has a new contact, one was renamed, one has an invoice; nobody uses the fourth."""
    found = done.database.fetch("SELECT id FROM companies WHERE id > 2147483100 ORDER BY id")
    assert found == [(2147483101,), (2147483102,), (2147483103,)]


def test_rows_of_others_are_not_deleted_along(done: RolledBack) -> None:
    assert done.database.fetch("SELECT company_id FROM invoices") == [(2147483103,)]


def test_what_people_entered_survives_in_the_legacy_schema(done: RolledBack) -> None:
    assert done.database.fetch("SELECT name FROM companies WHERE id = 600") == [("Neu",)]
    orders = "SELECT id, customer_id FROM orders WHERE id > 300 AND id < 400 ORDER BY id"
    assert done.database.fetch(orders) == [(301, 301), (302, None)]


def test_orders_keep_their_customers(done: RolledBack) -> None:
    found = dict(done.database.fetch("SELECT id, customer_id FROM orders WHERE id < 300"))
    assert found == {1: 1, 2: 2, 3: None, 30: 17, 31: 18, 50: None}


@pytest.mark.parametrize("sentence", TOLD)
def test_what_goes_is_told_with_its_rows_before_the_question(
    done: RolledBack, sentence: str
) -> None:
    assert sentence in done.run.out.split("READY TO ROLL BACK")[0]


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("addresses", "1 High Street"),
        ("companies", '"fax": "0123456789"'),
        ("contacts", '"email_set_aside": "ada@example.com"'),
        ("orders", '"company": 8'),
    ],
)
def test_what_goes_lives_on_in_the_backup(done: RolledBack, file: str, value: str) -> None:
    (path,) = done.folder.rglob(f"{file}.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        assert value in lines.read()


def test_alembics_record_is_put_back(done: RolledBack) -> None:
    found = done.database.fetch("SELECT version_num FROM alembic_version")
    assert found == [("002_remove_deprecated",)]


def test_both_runs_are_on_record(done: RolledBack) -> None:
    found = done.database.fetch(
        "SELECT kind, finished_at IS NOT NULL FROM contacts_restructuringrun ORDER BY id"
    )
    assert found == [("migration", True), ("rollback", True)]


def test_migrating_again_works_and_so_does_rolling_back_again(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    before = photograph(legacy)
    for stamp in ("003_first", "004_second"):
        assert_migrates(tmp_path, "--alembic-stamp", stamp)
        assert roll_back(tmp_path).code == 0
        assert changes(before, photograph(legacy)) == []
    kinds = "SELECT string_agg(kind, ' ' ORDER BY id) FROM contacts_restructuringrun"
    assert legacy.value(kinds) == "migration rollback migration rollback"


def test_the_latest_migration_counts_whatever_the_clock_said(
    legacy: Database, tmp_path: Path
) -> None:
    """The clock was set back between two runs, and the tables had changed in between, too."""
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    assert roll_back(tmp_path).code == 0
    legacy.execute("UPDATE contacts_restructuringrun SET started_at = now() + interval '1 year'")
    legacy.execute("DROP INDEX ix_customers_email")
    before = photograph(legacy)
    assert_migrates(tmp_path)
    assert roll_back(tmp_path).code == 0
    assert changes(before, photograph(legacy)) == []


def test_a_database_that_django_made_goes_back_too(
    migrated: Database, legacy: Database, tmp_path: Path
) -> None:
    migrated.execute(
        """INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum');
        INSERT INTO companies (id, tenant_id, name) VALUES (1, 1, 'Default Company');
        INSERT INTO contacts (id, tenant_id, name, email, company_id)
            VALUES (1, 1, 'Ada', 'ada@example.com', 1);
        INSERT INTO orders (id, tenant_id, order_number, contact_id, customer_name)
            VALUES (1, 1, 'A-1', 1, 'Ada')"""
    )
    with django_uses(migrated):
        done = roll_back(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert schema_dump(migrated) == schema_dump(legacy)
    assert migrated.fetch("SELECT id, company_id FROM customers") == [(1, 1)]
    assert migrated.fetch("SELECT id, customer_id FROM orders") == [(1, 1)]


def test_a_record_without_revisions_is_put_back_empty(legacy: Database, tmp_path: Path) -> None:
    legacy.execute("DELETE FROM alembic_version")
    assert_migrates(tmp_path, "--alembic-stamp", "003_elsewhere")
    assert roll_back(tmp_path).code == 0
    assert legacy.fetch("SELECT version_num FROM alembic_version") == []


def test_no_backup_is_written_where_none_is_wanted(legacy: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    done = roll_back(tmp_path)
    assert "No backup is written" in done.out
    assert "companies of orders go; no backup is written, so they are lost" in done.out
    assert "they live on in the backup" not in done.out
    assert not list(tmp_path.rglob("*.jsonl.gz"))


def test_a_declined_question_changes_nothing(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    before = legacy.dump()
    options = ("--rollback", "--backup-dir", str(tmp_path))
    with start(legacy, *options, terminal=True) as begun:
        begun.wait_for("Proceed with rollback?")
        begun.answer("no")
        assert begun.end().code == 1
    assert legacy.dump() == before


def test_damage_on_the_way_is_caught_and_undone(
    legacy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contacts.restructuring.state import alembic

    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    before, put_back = legacy.dump(), alembic.put_back

    def damage(cursor: object, remembered: dict[str, object]) -> None:
        put_back(cursor, remembered)
        cursor.execute("UPDATE customers SET name = 'damaged' WHERE id = 17")  # type: ignore[attr-defined]

    monkeypatch.setattr(alembic, "put_back", damage)
    refused = roll_back(tmp_path)
    assert_refused(legacy, refused, before, "The proof failed", "customers 17", "'damaged'")


def roll_back(folder: Path) -> Result:
    return run("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(folder))
