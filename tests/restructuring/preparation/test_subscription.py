"""What a subscription applies is heard by the journal, while orders are filled, too."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from jmsk.embedded.supervisor import PORT
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.preparation import phase, prepare_until, prepare_whole
from tests.support.servers.own_servers import OwnServer, own_server
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CHANGE = "UPDATE orders SET price = 4711.5, due_date = now() WHERE id = 7"
LINES = "SELECT count(*) FROM jmsk_preparation_journal WHERE table_name = 'orders'"


@pytest.fixture(scope="module")
def publishing(server: Server) -> Iterator[OwnServer]:
    """A server whose databases may follow each other."""
    with own_server("wal_level=logical") as own:
        yield own


@pytest.fixture
def followed(
    publishing: OwnServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Database, Database]]:
    """Two databases with the same rows; the second, which Django uses, follows the first."""
    with django_db_blocker.unblock():
        ahead = publishing.database("sample")
        behind = publishing.copy(ahead)
        ahead.execute("CREATE PUBLICATION followed FOR TABLE orders")
        ahead.execute("SELECT pg_create_logical_replication_slot('followed', 'pgoutput')")
        assert publishing.running is not None
        source = f"host={publishing.running.socket} port={PORT} user=postgres dbname={ahead.name}"
        behind.execute(
            f"CREATE SUBSCRIPTION followed CONNECTION '{source}' PUBLICATION followed"
            " WITH (create_slot = false, copy_data = false)"
        )
        with django_uses(behind):
            yield ahead, behind
        behind.execute("DROP SUBSCRIPTION followed")


@pytest.mark.parametrize("step", ["backfill", "index", "verify"])
def test_what_is_applied_during_a_preparation_is_heard(
    followed: tuple[Database, Database], step: str
) -> None:
    ahead, behind = followed
    prepare_until(step)

    ahead.execute(CHANGE)

    wait_until(lambda: behind.value("SELECT price FROM orders WHERE id = 7") == 4711.5)
    assert behind.value(LINES) == 1
    prepare_whole()
    assert phase(behind) == "verified"
