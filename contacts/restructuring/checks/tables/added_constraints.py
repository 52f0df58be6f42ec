"""Rules of others that do not let a contact have no company again, or its e-mail back.

A rollback takes the company from the contacts that the migration placed and gives back the e-mails
that were set aside. A rule made since may refuse that; a foreign key that passes the change on
would alter another program's rows. A rule that the rows keep, as they are going to be, is no
obstacle.
"""

from collections.abc import Iterator

from psycopg2 import sql

from contacts.meaning import STILL_PLACED
from contacts.restructuring.checks.base import Finding, check, problems, together
from contacts.restructuring.checks.tables.broken_constraints import broken_constraints
from contacts.restructuring.checks.tables.future_rows import Future, future_table, generated_columns
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import CUSTOMER_MEANING
from contacts.restructuring.state.legacy_objects import own_names
from jmsk.postgres.queries import compose

CHANGING_CONTACTS = f"(email_set_aside IS NOT NULL OR {STILL_PLACED})"
REPLICA_IDENTITY = """
    SELECT 'The replica identity ' || c.relname
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'contacts'::regclass AND i.indisreplident
       AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid
                      AND a.attnum = ANY(i.indkey) AND a.attname = ANY(%s))
"""
"""It takes no column that may be NULL, whatever the rows hold."""


@check(
    "Rules of others let contacts become customers again",
    "Drop these rules, or change them so that company_id may be NULL; or give the contacts that "
    "they name another company, which they then keep.",
)
def added_constraints(inspector: Inspector) -> Finding:
    """Whether rules of others let the contacts become what they are going to be."""
    future = contacts_to_come(inspector)
    return together(
        [*broken_constraints(inspector, future), problems(_replica_identity(inspector, future))]
    )


def contacts_to_come(inspector: Inspector) -> Future:
    """Return what a rollback makes of the contacts."""
    changing = sql.SQL(CHANGING_CONTACTS)
    contacts = future_table(inspector, "contacts", CUSTOMER_MEANING, changing)
    return Future(
        "contacts",
        inspector.text(compose("WITH {}", contacts)),
        columns=tuple(CUSTOMER_MEANING),
        nullable=("company_id",),
        row="contact {id}",
        generated=generated_columns(inspector, "contacts"),
        own=tuple(sorted(own_names())),
    )


def _replica_identity(inspector: Inspector, future: Future) -> Iterator[str]:
    if inspector.value(f"SELECT EXISTS (SELECT 1 FROM contacts WHERE {CHANGING_CONTACTS})"):
        for what in inspector.column(REPLICA_IDENTITY, [list(future.columns)]):
            yield f"{what} on contacts names company_id or email, which are going to change"
