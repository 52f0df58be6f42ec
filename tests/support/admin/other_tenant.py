"""Rows of a tenant that a user does not see, and what the user may have done to them before."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from companies.models import Company
from contacts.models import Contact, RestructuringRun
from contacts.settling.bulk import DONE, Asked, record
from contacts.settling.merging import merge, plan_merge
from contacts.settling.models import Action
from contacts.settling.reassignment import make_plan, reassign
from contacts.settling.recording import recording
from jmsk.access.tenants import limit
from orders.decisions import Decisions, decide, want_none
from orders.linking import Link
from tests.support.admin.pages import (
    client_of,
)
from tests.support.database.databases import Database

MARK = "qxzforeign"
"""It stands in every text of a row of the other tenant."""
FOREIGN = f"""
UPDATE tenants SET name = '{MARK} tenant', subdomain = '{MARK}' WHERE id = 2;
UPDATE companies SET name = '{MARK} company', email = 'info@{MARK}.example' WHERE id = 3;
UPDATE contacts SET name = '{MARK} contact', email = 'x@{MARK}.example' WHERE id = 13;
UPDATE orders SET order_number = '{MARK}-23', customer_name = '{MARK} customer',
       product_description = '{MARK}' WHERE id = 23;
UPDATE addresses SET street_address = '{MARK} street' WHERE id = 33;
INSERT INTO companies (id, tenant_id, name, is_default) VALUES (5, 2, '{MARK} default', true);
INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name, email, email_set_aside)
VALUES (16, 2, 5, 5, '{MARK} placed', NULL, 'y@{MARK}.example'),
       (17, 2, 3, NULL, '{MARK} alike', 'z@{MARK}.example', NULL),
       (18, 2, 3, NULL, '{MARK} Alike', 'Z@{MARK}.example', NULL),
       (19, 2, 3, NULL, '{MARK} twice', NULL, NULL), (20, 2, 3, NULL, '{MARK} twin', NULL, NULL),
       (41, 2, 3, NULL, '{MARK} moved', NULL, NULL);
INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name, customer_email)
VALUES (25, 2, 5, '{MARK}-25', '{MARK} placed', 'x@{MARK}.example'),
       (26, 2, 5, '{MARK}-26', '{MARK} walk-in', NULL), (27, 2, 5, '{MARK}-27', NULL, NULL);
"""
"""Of tenant 2, which the user does not see; the key of each row is that of no row of tenant 1."""
ACTS = ("1", "2", "3", "4")
"""What was done to rows of tenant 2: moved, linked, marked and merged."""
SHOWN = "f" * 64
OTHERS = (
    "SELECT * FROM tenants WHERE id = 2",
    "SELECT * FROM settling_nocontactwanted WHERE order_id = ANY('{23,25,26,27}')",
    "SELECT * FROM settling_action WHERE id <= 4 ORDER BY id",
)
OWNED = ("companies", "contacts", "orders", "addresses")


def limited_client(*permissions: str, superuser: bool = False) -> Client:
    """Return the client of a member of staff who sees tenant 1 only."""
    client = client_of(*permissions, superuser=superuser)
    limit(User.objects.latest("pk").pk, [1])
    return client


def leave_traces(user: User) -> None:
    """Let the user have worked with the other tenant's rows before."""
    for model, key in ((Company, 3), (Contact, 13), (Contact, 999)):
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(model),
            object_id=str(key),
            object_repr=f"{MARK} {key}",
            action_flag=CHANGE,
        )
    root = User.objects.create(username="root")
    record(Asked(SHOWN, root.pk, 2), DONE, f"Reassigned to {MARK} company")
    RestructuringRun.objects.create(
        kind="migration",
        transaction_id=1,
        started_at=timezone.now(),
        operating_system_user=MARK,
        database_user=MARK,
    )


def act_on_theirs(user: User) -> None:
    """Let the user have moved, linked, marked and merged rows of the other tenant, as ACTS."""
    contacts, company = Contact.objects.filter(pk=41), Company.objects.get(pk=5)
    plan = make_plan(contacts, company)
    with recording(Action.Kind.REASSIGN, user.pk) as written:
        reassign(contacts, company, (), shown=plan.fingerprint, user_id=user.pk, record=written)
        written.end("Reassigned.")
    decide(Decisions(links=(Link(27, 41, 5),)), user_id=user.pk)
    want_none([26], user_id=user.pk)
    kept, gone = Contact.objects.get(pk=19), Contact.objects.get(pk=20)
    shown = plan_merge(kept, gone, {}).fingerprint
    merge(19, 20, {}, (), shown=shown, user_id=user.pk)
    Action.objects.update(told=f"{MARK} was touched.")
    assert {str(pk) for pk in Action.objects.values_list("pk", flat=True)} == {*ACTS}


def worked_before(*, limited: bool) -> Client:
    """Return the client of a superuser who has worked with the other tenant's rows."""
    client = client_of(superuser=True)
    user = User.objects.get()
    act_on_theirs(user)
    leave_traces(user)
    if limited:
        limit(user.pk, [1])
    return client


def body(answer: Any) -> str:
    """Return what was sent, a file included."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode().lower()


def theirs(data: Database) -> list[Any]:
    """Return all of the other tenant's rows."""
    queries = [f"SELECT * FROM {name} WHERE tenant_id = 2 ORDER BY id" for name in OWNED]
    return [data.fetch(query) for query in (*OTHERS, *queries)]
