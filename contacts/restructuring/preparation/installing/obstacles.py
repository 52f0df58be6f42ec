"""What only the offline run can do: told before anything is prepared."""

from collections.abc import Iterator
from typing import Any

from contacts.restructuring.database.layout import Layout
from contacts.restructuring.preparation.filling.quiet import heard_anyway
from contacts.restructuring.preparation.indexes import can_be_prepared, missing_objects
from contacts.restructuring.state.expected import email_keys
from jmsk.postgres.catalogue import read_objects
from jmsk.postgres.queries import value


def obstacles(cursor: Any, layout: Layout) -> list[str]:
    """Return, one sentence each, what stands in the way of a preparation."""
    return [*_needs_the_lock(cursor), *_heard(cursor, layout), *_uncounted(cursor)]


def _needs_the_lock(cursor: Any) -> Iterator[str]:
    keys = email_keys(read_objects(cursor, "customers"))
    if not any("DEFERRABLE" not in item.definition for item in keys):
        yield (
            "customers has no immediate unique key on (tenant_id, email), so e-mails may "
            "stand twice; only the offline run sets them aside"
        )
    for wanted in missing_objects(cursor):
        if not can_be_prepared(wanted):
            yield (
                f"{wanted.table} lacks the key {wanted.item.name} ({wanted.item.definition}): made "
                "early it would refuse what the application may write today"
            )


def _heard(cursor: Any, layout: Layout) -> Iterator[str]:
    for name in heard_anyway(cursor, layout):
        yield (
            f"the {name} of orders would take the filling of orders.company_id for an edit. A role "
            "that may set session_replication_role keeps it out (GRANT SET ON PARAMETER "
            "session_replication_role TO the role, from PostgreSQL 15 on), unless it is ENABLE "
            "ALWAYS or REPLICA"
        )


def _uncounted(cursor: Any) -> Iterator[str]:
    if value(cursor, "SELECT current_setting('track_counts')") != "on":
        yield "track_counts is off, so that what a transaction touches cannot be counted"
