"""A database of two tenants, one of which a user does not see."""

import pytest

from tests.support.admin.other_tenant import FOREIGN
from tests.support.database.databases import Database


@pytest.fixture
def shared(data: Database) -> Database:
    """A database with rows of two tenants, and what a user may have done to both."""
    data.execute(FOREIGN)
    return data
