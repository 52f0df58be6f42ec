"""There and back on any legacy database that hypothesis makes up: nothing is lost, nothing stays.

    EXAMPLES=1000 pytest tests/restructuring/modes/test_round_trips.py --hypothesis-profile=campaign

tries that many more for each version, other ones each time.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from hypothesis import Phase, given, seed, settings
from pytest_django import DjangoDbBlocker

from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.settings import TEXT, set_local
from contacts.restructuring.proof.fingerprint import Fingerprint, take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_sources
from tests.cases.generated_legacy import Legacy, legacies
from tests.support.database.databases import Database, Server, django_uses, server_settings
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import assert_migrates, run
from tests.support.servers.own_servers import own_server

pytestmark = pytest.mark.slow

SHARES = 3
"""The examples are shared out, so that every core has its part of them."""
WORK = """
UPDATE contacts SET company_id = companies.id, name = 'moved' FROM companies
 WHERE companies.tenant_id = contacts.tenant_id AND companies.id <> contacts.company_id;
UPDATE contacts SET email = NULL WHERE email_set_aside IS NULL AND id % 2 = 0;
INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code)
SELECT tenant_id, id, '1 High Street', 'York', 'Y', '12345' FROM companies;
UPDATE companies SET fax = '0123456789', name = name || ' & Sons' WHERE id % 2 = 0;
INSERT INTO contacts (id, tenant_id, name, company_id)
SELECT 2147480000 + row_number() OVER (), tenant_id, 'new', id FROM companies;
DELETE FROM orders WHERE id NOT IN (SELECT order_id FROM shipments) AND id % 2 = 0;
INSERT INTO orders (id, tenant_id, order_number, customer_name, contact_id)
SELECT 2147480000 + row_number() OVER (), tenant_id, 'NEW-' || id, 'new', id FROM contacts;
DELETE FROM contacts WHERE id % 3 = 0
"""
"""What people do between the migration and the way back, in every table."""


@pytest.fixture(scope="module")
def server_18(server: Server) -> Iterator[Server]:
    """A server of version 18, where the run's own is an older one."""
    if server.maintenance.version >= 18:
        pytest.skip("the run's own server is of version 18, and has the other examples")
    with own_server(version="18") as own:
        yield Server(server_settings(own.url), "round_trips")


@pytest.mark.parametrize("share", range(SHARES))
def test_there_and_back(server: Server, django_db_blocker: DjangoDbBlocker, share: int) -> None:
    with django_db_blocker.unblock():
        travel(server, share, examples=10)


@pytest.mark.parametrize("share", range(SHARES))
def test_there_and_back_on_version_18(
    server_18: Server, django_db_blocker: DjangoDbBlocker, share: int
) -> None:
    with django_db_blocker.unblock():
        travel(server_18, share, examples=4)


def travel(server: Server, share: int, examples: int) -> None:
    """Send ``examples`` databases, or as many as the chosen profile says, there and back."""
    chosen = settings.get_current_profile_name()
    number = examples if chosen == "ordinary" else settings().max_examples // SHARES

    # What fails is told as it is: to make it smaller takes seconds a try.
    @settings(max_examples=number, phases=[Phase.generate])
    @given(legacy=legacies(server.maintenance.version))
    def trip(legacy: Legacy) -> None:
        with tempfile.TemporaryDirectory() as folder, built(server, legacy) as database:
            there_and_back(database, Path(folder))

    (seed(share)(trip) if chosen == "ordinary" else trip)()


def there_and_back(database: Database, folder: Path) -> None:
    """Migrate and roll back, migrate again and restore: each time all is what it was."""
    before, proof = photograph(database), fingerprints()
    assert_migrates(folder)
    succeed("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(folder))
    assert (changes(before, photograph(database)), fingerprints()) == ([], proof)

    succeed("--noinput", "--backup-dir", str(folder))
    database.execute(WORK)
    (backup,) = (path for path in folder.glob("migration_*") if path.is_dir())
    succeed("--restore", str(backup), "--noinput", "--skip-backup", "--backup-dir", str(folder))
    assert (changes(before, photograph(database)), fingerprints()) == ([], proof)


def succeed(*arguments: str) -> None:
    done = run(*arguments)
    assert (done.code, done.error) == (0, ""), done


def fingerprints() -> dict[str, Fingerprint]:
    """The fingerprints of the four legacy tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        set_local(cursor, TEXT)
        return take_fingerprints(cursor, plain_sources(read_layout(connection)))


@contextmanager
def built(server: Server, legacy: Legacy) -> Iterator[Database]:
    """A database of its own for each example, with Django's default connection on it."""
    database = server.database("legacy")
    try:
        legacy.build(database)
        with django_uses(database):
            yield database
    finally:
        server.drop(database.name)
