"""Whether a publication of others lets the rows change that a run changes.

Which replica identity a publication needs, by its column list and its row filter, the server knows
best: EXPLAIN makes it say so without a change.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from django.db import DatabaseError, transaction

from contacts.restructuring.checks.base import Check, Severity, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from jmsk.postgres.server_errors import server_words

CHANGES = {
    "customers": "EXPLAIN UPDATE customers SET email = NULL, company_id = NULL",
    "companies": "EXPLAIN UPDATE companies SET name = name",
}
CHANGES_BACK = {
    "contacts": "EXPLAIN UPDATE contacts SET email = NULL, company_id = NULL",
    "companies": "EXPLAIN DELETE FROM companies",
}
REFUSED = ("55000", "42P10")
"""No replica identity; a column list or row filter that does not fit it."""
MISSING_RIGHT = "42501"


def replicated_changes(inspector: Inspector, changes: Mapping[str, str]) -> Iterator[str]:
    """Whether rows can change as far as publications go; ``changes`` is a statement by table."""
    for table, statement in changes.items():
        try:
            with transaction.atomic(using=inspector.connection.alias):
                inspector.cursor.execute(statement)
        except DatabaseError as error:
            code = getattr(error.__cause__, "pgcode", None)
            if code in REFUSED:
                yield f"Rows of {table} cannot change: {server_words(error)}"
            elif code != MISSING_RIGHT:  # of that another check tells
                raise


@check(
    "Logical replication of the tables",
    "Subscribers do not follow a change of schema: restructure or re-create them as well.",
    Severity.WARNING,
)
def publications(inspector: Inspector) -> Iterator[str]:
    found = inspector.rows(
        "SELECT pubname, tablename FROM pg_publication_tables WHERE schemaname = %s "
        "AND tablename = ANY(%s) ORDER BY 1, 2",
        [inspector.layout.schema, list(LEGACY_NAMES)],
    )
    for name, table in found:
        yield f"Publication {name} replicates {table}"


CHANGES_CHECK, CHANGES_CHECK_BACK = (
    Check(
        "replicated_changes",
        "Publications let the rows change",
        partial(replicated_changes, changes=changes),
        "Give the table a replica identity that the publication covers, or take it out of the "
        "publication.",
    )
    for changes in (CHANGES, CHANGES_BACK)
)
