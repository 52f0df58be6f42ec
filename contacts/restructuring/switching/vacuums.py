"""Waiting for a vacuum of the tables to end before they are locked."""

import time
from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES
from jmsk.postgres.queries import value

VACUUMS = """
    SELECT EXISTS (
        SELECT 1 FROM pg_locks l
         WHERE l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.relation IN (SELECT to_regclass(name)::oid FROM unnest(%s) AS name))
"""
LONGEST = 60.0
"""Seconds. After that the locks are tried for all the same, and whoever is in the way is named."""


def wait_for_vacuums(cursor: Any) -> None:
    """Wait until nobody vacuums the tables.

    An automatic vacuum gives way to who waits for a lock, but after a second only: all readers who
    come meanwhile would queue behind.
    """
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if not value(cursor, VACUUMS, [list(LEGACY_NAMES)]):
            return
        time.sleep(0.1)
