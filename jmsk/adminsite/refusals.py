"""What the database refuses, said so that the person who asked for it can act on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    transaction,
)

from jmsk.postgres.server_errors import server_words, shown_detail

Refusals = (IntegrityError, DataError, InternalError)
"""The errors by which triggers, constraints and column types speak."""


class RefusedError(Exception):
    """The database refused; the message says what and why, for the person who asked."""


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Run what is inside in a savepoint. Raises RefusedError for what the database refuses."""
    try:
        with transaction.atomic():
            yield
    except Refusals as error:
        raise RefusedError(readable(error)) from error
    except OperationalError as error:
        told = busy(error)
        if told is None:
            raise
        raise RefusedError(told) from error


SENTENCES = {
    "fk_orders_company": "Orders still belong to this company. Move or delete them first.",
    "contacts_company_id_fkey": "Contacts still belong to this company, or it does not exist.",
    "contacts_tenant_id_fkey": "Contacts still belong to this tenant, or it does not exist.",
    "companies_tenant_id_fkey": "Companies still belong to this tenant, or it does not exist.",
    "orders_tenant_id_fkey": "Orders still belong to this tenant, or it does not exist.",
    "uq_company_name_per_tenant": "This tenant has a company of that name already.",
    "ix_tenants_subdomain": "Another tenant has this subdomain already.",
    "ix_orders_order_number": "Another order has this number already.",
}
"""Where the server's own words name the constraint only."""


def readable(error: DatabaseError) -> str:
    """Return what the server refused and why, with its hint; never a traceback or a query."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is None or not diagnosis.message_primary:
        return f"The database refused this: {server_words(error)}"
    sentence = sentence_for(diagnosis.constraint_name) or diagnosis.message_primary
    parts = [sentence, shown_detail(diagnosis), diagnosis.message_hint]
    return " ".join(
        part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part
    )


def sentence_for(constraint: str | None) -> str | None:
    """Return the project's own sentence for a constraint, if there is one."""
    if constraint is None:
        return None
    return SENTENCES.get(constraint) or _from_models().get(constraint)


def _from_models() -> dict[str, str]:
    return {
        rule.name: str(rule.violation_error_message)
        for model in apps.get_models()
        for rule in model._meta.constraints
        if rule.violation_error_message != rule.default_violation_error_message
    }


BUSY = {
    "40P01": "Somebody else was changing the same rows. Nothing was changed; try again.",
    "55P03": "Somebody else holds these rows locked. Nothing was changed; try again later.",
    "40001": "Somebody else has changed these rows. Nothing was changed; try again.",
    "57014": "This took longer than it may, so it was broken off. Nothing was changed. Ask for "
    "less at once, or try again when the database has less to do.",
}


def busy(error: OperationalError) -> str | None:
    """Return what to tell when the rows were locked, or None where the error is another one."""
    return BUSY.get(getattr(error.__cause__, "pgcode", ""))
