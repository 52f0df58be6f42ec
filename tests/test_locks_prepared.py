"""A prepared transaction holds its locks without a session: nobody finds it in pg_stat_activity."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.command_runs import remember, run, state
from tests.databases import Database, Server
from tests.own_servers import OwnServer, own_server

PREPARE = "BEGIN; UPDATE orders SET price = price WHERE id = 3; PREPARE TRANSACTION 'till 7'"


@pytest.fixture
def own(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    """A server that knows prepared transactions, which PostgreSQL by default does not."""
    with django_db_blocker.unblock(), own_server("max_prepared_transactions=2") as started_here:
        yield started_here


def assert_named(database: Database, folder: Path) -> None:
    done = run(database, "--noinput", "--skip-backup", "--lock-timeout", "0.05",
               "--backup-dir", str(folder))  # fmt: skip
    assert done.code == 1, done.told
    assert "In the way: prepared transaction 'till 7' of postgres, since 20" in done.message


def test_it_is_named_also_when_the_server_was_restarted(own: OwnServer, tmp_path: Path) -> None:
    database = own.database("sample")
    before = remember(database)
    database.execute(PREPARE)
    assert_named(database, tmp_path)
    own.stop_at_once()
    own.start()
    assert_named(database, tmp_path)
    database.execute("ROLLBACK PREPARED 'till 7'")
    assert state(database, before) == "legacy"
