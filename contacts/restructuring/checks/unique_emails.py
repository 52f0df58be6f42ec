"""Whether e-mails are unique in a tenant, as the legacy schema wants them."""

from functools import partial

from contacts.meaning import EMAIL
from contacts.restructuring.checks.base import Check, Finding, rows
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import ONE_EMAIL_PER_TENANT
from contacts.restructuring.state.legacy_objects import wanted_objects


def shared_emails(inspector: Inspector, email: str) -> Finding:
    """Find contacts of a tenant that share an e-mail; ``email`` is the SQL that yields it."""
    return rows(
        inspector,
        f"SELECT min(id) AS id, tenant_id, {email} AS email, count(*) AS contacts "
        f"FROM contacts WHERE {email} IS NOT NULL GROUP BY tenant_id, {email} HAVING count(*) > 1",
        "{contacts} contacts of tenant {tenant_id} have the e-mail of contact {id}",
    )


def shared_emails_back(inspector: Inspector) -> Finding:
    """Find them with the e-mails that come back, unless the legacy table allowed it."""
    objects = wanted_objects(inspector.cursor, "customers")
    if any(item.unique_columns == ONE_EMAIL_PER_TENANT for item in objects):
        return shared_emails(inspector, EMAIL)
    return Finding(note="the legacy table had no unique e-mails, so none is needed")


CHECK = Check(
    "unique_emails_in_tenant",
    "E-mails are unique in a tenant",
    partial(shared_emails, email="email"),
    "They were when the wreck came about: give all but one of these another e-mail.",
)
CHECK_BACK = Check(
    "unique_emails_in_tenant",
    "E-mails are unique in a tenant again",
    shared_emails_back,
    "Give all but one of these contacts another e-mail.",
)
