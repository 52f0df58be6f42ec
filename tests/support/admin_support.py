"""What the tests of the admin share: rows to settle, users with some permissions, and a browser."""

from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils.html import strip_tags

from tests.support.databases import Database
from tests.support.embedded_users import wait_until
from tests.support.trigger_support import ROWS

TO_SETTLE = """
UPDATE contacts SET placed_in_company_id = 1, email = 'ada@example.com' WHERE id = 11;
UPDATE contacts SET email = 'ben@example.com', phone = '0123456789' WHERE id = 12;
INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name, email, email_set_aside)
VALUES (14, 1, 1, 1, 'Dan', NULL, 'ada@example.com'), (15, 1, 1, 1, 'Eve', 'ben@example.com', NULL);
SELECT setval('contacts_id_seq', 100), setval('companies_id_seq', 100),
       setval('orders_id_seq', 100), setval('addresses_id_seq', 100);
"""
"""In company 1 of tenant 1: 11 Ada (with order 21), 14 Dan, 15 Eve; 12 Ben, in company 2, has Eve's
e-mail. Order 24 has no contact. Contact 13 and company 3 belong to tenant 2."""

CONTACTS = "/admin/contacts/contact/"
REASSIGN = f"{CONTACTS}reassign/"
ORDERS = "/admin/orders/order/"
LINK = f"{ORDERS}link/"
COMPANIES = "/admin/companies/company/"


def fill(database: Database) -> None:
    """Put the rows to settle into a migrated database."""
    database.execute(ROWS)
    database.execute(TO_SETTLE)
    ContentType.objects.clear_cache()


def client_of(*permissions: str, superuser: bool = False) -> Client:
    """Return the client of a new member of staff with ``permissions`` ("app.codename")."""
    number = User.objects.count()
    user = User.objects.create(username=f"user{number}", is_staff=True, is_superuser=superuser)
    for permission in permissions:
        label, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=label, codename=codename)
        )
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """Return what a person reads on a page."""
    return " ".join(unescape(strip_tags(answer.content.decode())).split())


def confirm(client: Client, answer: Any, **more: Any) -> Any:
    """Confirm what the page of reassigning shows."""
    plan, selection = answer.context["plan"], answer.context["selection"]
    named = {"company": plan.company} if plan.company else {"new_company": plan.company_name}
    ids = {"ids": ",".join(map(str, selection.ids))} if selection.ids else {}
    filters = {} if selection.ids else {"filters": selection.filters}
    shown = {"shown": plan.fingerprint, "since": answer.context["since"]}
    return client.post(REASSIGN, {**ids, **filters, **named, **shown, **more}, follow=True)


def ended_of(client: Client, answer: Any) -> Any:
    """Follow a reassignment in the background, as the page in the browser does, to its end."""
    pages = [answer]
    progress = answer.redirect_chain[0][0]

    def ended() -> bool:
        if pages[-1].redirect_chain[-1][0] != progress:
            return True
        page = client.get(progress, follow=True)
        pages.extend([page] if page.redirect_chain else [])
        return bool(page.redirect_chain)

    wait_until(ended, 300)
    return pages[-1]
