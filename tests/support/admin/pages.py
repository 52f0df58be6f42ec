"""The pages of the admin, and who looks at them."""

from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from tests.support.waiting import wait_until

CONTACTS = "/admin/contacts/contact/"
REASSIGN = f"{CONTACTS}reassign/"
ORDERS = "/admin/orders/order/"
LINK = f"{ORDERS}link/"
COMPANIES = "/admin/companies/company/"


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
