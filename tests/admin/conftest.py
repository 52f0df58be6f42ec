"""What the tests of the admin share: a database with rows to settle, and who looks at it."""

from typing import Any

import pytest
from django.test import Client

from tests.support.admin.pages import client_of
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill_to_settle


@pytest.fixture(autouse=True)
def _without_tls(settings: Any) -> None:
    """Let clients reach the pages as they are; what TLS asks for is a matter of the settings."""
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def data(migrated: Database) -> Database:
    """A migrated database with rows to settle."""
    fill_to_settle(migrated)
    return migrated


@pytest.fixture
def client(data: Database) -> Client:
    """The client of a superuser; what needs certain permissions only has a fixture of its own."""
    return client_of(superuser=True)
