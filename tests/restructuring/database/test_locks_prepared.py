"""A prepared transaction holds its locks without a session: nobody finds it in pg_stat_activity."""

from collections.abc import Iterator

import pytest
from django.core.management.base import CommandError
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.locking.locks import lock_tables
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.settings import apply_changing_settings
from contacts.restructuring.journal import Journal
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.aftermath import remember, state
from tests.support.servers.own_servers import OwnServer, own_server

pytestmark = pytest.mark.slow

PREPARE = "BEGIN; UPDATE orders SET price = price WHERE id = 3; PREPARE TRANSACTION 'till 7'"


@pytest.fixture
def own(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    """A server that knows prepared transactions, which PostgreSQL by default does not."""
    with django_db_blocker.unblock(), own_server("max_prepared_transactions=2") as started_here:
        yield started_here


def assert_named(database: Database) -> None:
    """Fail unless a try to lock the tables names the prepared transaction."""
    patience = Patience(0.05, tries=1)
    with django_uses(database), transaction.atomic(), connection.cursor() as cursor:
        apply_changing_settings(cursor, "public", patience)
        tables = read_layout(connection).tables.values()
        with pytest.raises(CommandError) as caught:
            lock_tables(connection, tables, [], patience, Journal(lambda event: None))
    assert "In the way: prepared transaction 'till 7' of postgres, since 20" in str(caught.value)


def test_it_is_named_also_when_the_server_was_restarted(own: OwnServer) -> None:
    database = own.database("sample")
    before = remember(database)
    database.execute(PREPARE)
    assert_named(database)
    own.stop_at_once()
    own.start()
    assert_named(database)
    database.execute("ROLLBACK PREPARED 'till 7'")
    assert state(database, before) == "legacy"
