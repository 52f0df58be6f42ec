"""SQL that not every supported version of PostgreSQL knows."""

import re

import pytest

from tests.support.database.databases import Database

NULLS = "NULLS NOT DISTINCT"
KNOWN_FROM_15 = {
    NULLS: NULLS,
    r"CREATE PUBLICATION \w+ FOR TABLE \w+ \(": "publications of some columns",
}
"""Syntax that a server knows from version 15 on, and what it is called."""


def skip_unless_known(database: Database, statements: str) -> None:
    """Skip the test, with the reason, where the server is too old for ``statements``."""
    for syntax, told in KNOWN_FROM_15.items():
        if re.search(syntax, statements) and database.version < 15:
            pytest.skip(f"PostgreSQL has {told} from version 15 on")


def without_nulls_not_distinct(database: Database, statements: str) -> str:
    """Return ``statements`` as the server knows them: with unique keys like any others."""
    return statements.replace(NULLS, "") if database.version < 15 else statements
