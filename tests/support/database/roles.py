"""Roles that a test makes, and acting as one of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from tests.support.database.databases import Database


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Let Django's default connection act as another role, with that role's rights only."""
    default = connections["default"]
    options = default.settings_dict["OPTIONS"]
    default.close()
    default.settings_dict["OPTIONS"] = {**options, "options": f"-c role={role}"}
    try:
        yield
    finally:
        default.close()
        default.settings_dict["OPTIONS"] = options


@contextmanager
def roles(database: Database, *names: str) -> Iterator[list[str]]:
    """Make roles that no other test has, and drop them with all that they own here."""
    made = [f"{name}_{database.name}" for name in names]
    for role in made:
        database.execute(f'CREATE ROLE "{role}"')
    try:
        yield made
    finally:
        for role in made:
            database.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')
