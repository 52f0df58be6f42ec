"""The database whose triggers are tried."""

import pytest

from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill


@pytest.fixture
def shop(migrated: Database) -> Database:
    """A migrated database with a few companies, contacts, orders and addresses."""
    return fill(migrated)
