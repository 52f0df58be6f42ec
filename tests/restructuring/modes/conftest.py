"""A server of a test's own, which it may stop."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.support.database.databases import Server
from tests.support.servers.own_servers import OwnServer, own_server


@pytest.fixture
def own(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    """A server of the test's own beside the run's."""
    with django_db_blocker.unblock(), own_server() as started_here:
        yield started_here
