"""Orders without a contact: who they may be of, and linking them, one person's decision each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from contacts.models import Contact
from contacts.settling.models import NoContactWanted
from contacts.settling.recording import ORDER_LINK, Recording
from jmsk.access.tenants import seen_by
from orders.models import Order

MARKED = Q(pk__in=NoContactWanted.objects.values("order_id"))
NO_CONTACT_WANTED = Q(contact__isnull=True) & MARKED
"""Somebody has decided that the order of a walk-in needs no contact."""
WITHOUT_CONTACT = Q(contact__isnull=True) & ~MARKED
SHOWN = 10
READ = 2000


@dataclass(frozen=True)
class Candidate:
    """A contact that an order may be of, and what speaks for it."""

    contact: Contact
    reason: str

    @property
    def value(self) -> str:
        """What the form sends: the contact, and the company that was shown with it."""
        return f"{self.contact.pk}:{self.contact.company_id}"


@dataclass(frozen=True)
class Link:
    """A decision: the order is of the contact, who was shown as one of ``company``'s."""

    order: int
    contact: int
    company: int


def candidates(orders: Iterable[Order]) -> dict[int, list[Candidate]]:
    """Return, by order, the contacts of its tenant with its customer's e-mail or name.

    Upper and lower case do not matter. E-mails stand before names; an e-mail that was set aside
    counts. One query, however many orders.
    """
    wanted = list(orders)
    emails = _lowered(order.customer_email for order in wanted)
    names = _lowered(order.customer_name for order in wanted)
    found = Contact.objects.filter(tenant_id__in={order.tenant_id for order in wanted}).annotate(
        email_key=Lower("email"), aside_key=Lower("email_set_aside"), name_key=Lower("name")
    )
    same_email = Q(email_key__in=emails) | Q(aside_key__in=emails)
    found = found.filter(same_email | Q(name_key__in=names))
    # A name that thousands bear must not push out those with the e-mail.
    found = found.order_by(Case(When(same_email, then=0), default=1), "pk")
    by_key: dict[tuple[int, str], list[Contact]] = defaultdict(list)
    for contact in found.select_related("company")[:READ]:
        for key in {_key(contact.email), _key(contact.email_set_aside), _key(contact.name)} - {""}:
            by_key[contact.tenant_id, key].append(contact)
    return {order.pk: _ranked(order, by_key) for order in wanted}


def _lowered(texts: Iterable[str | None]) -> list[Lower]:
    """Return the texts, lowered by the server: Python does it otherwise for some letters."""
    return [Lower(Value(text)) for text in sorted({text for text in texts if text})]


def _key(text: str | None) -> str:
    return (text or "").lower()


def _ranked(order: Order, by_key: dict[tuple[int, str], list[Contact]]) -> list[Candidate]:
    email, name = _key(order.customer_email), _key(order.customer_name)
    nearby = {
        contact.pk: contact
        for key in (email, name)
        for contact in by_key.get((order.tenant_id, key), [])
    }
    ranked = []
    for contact in nearby.values():
        same_email = bool(email) and email in (_key(contact.email), _key(contact.email_set_aside))
        same_name = bool(name) and name == _key(contact.name)
        reason = " and ".join(["same e-mail"] * same_email + ["same name"] * same_name)
        if reason:
            ranked.append((not same_email, not same_name, contact.pk, Candidate(contact, reason)))
    return [candidate for *_, candidate in sorted(ranked, key=lambda entry: entry[:3])][:SHOWN]


def search(order: Order, text: str) -> QuerySet[Contact]:
    """Return the first contacts of the order's tenant whose name or e-mail contains ``text``."""
    contains = (
        Q(name__icontains=text) | Q(email__icontains=text) | Q(email_set_aside__icontains=text)
    )
    found = Contact.objects.filter(contains, tenant_id=order.tenant_id)
    return found.select_related("company").order_by("name", "pk")[:SHOWN]


def link(links: Iterable[Link], *, user_id: int, record: Recording) -> int:
    """Link orders to contacts, all or none; return how many.

    Each order takes its contact's company. ``record`` is told what is written.

    Raises ValidationError, with nothing changed, where an order has a contact by now, or a contact
    is gone, of another tenant, or in another company than was shown.
    """
    decided = {entry.order: entry for entry in links}
    with transaction.atomic():
        # Contacts before orders, each by id: the order in which the database's own rules lock.
        contacts = _locked(user_id, Contact, {entry.contact for entry in decided.values()})
        orders = _locked(user_id, Order, set(decided))
        problems = [
            problem
            for entry in decided.values()
            if (problem := _problem(entry, orders.get(entry.order), contacts.get(entry.contact)))
        ]
        if problems:
            raise ValidationError([*problems, "Nothing was linked. Look again."])
        record.writes("orders", list(decided), *ORDER_LINK)
        for entry in decided.values():
            Order.objects.filter(pk=entry.order).update(
                contact_id=entry.contact, company_id=entry.company, updated_at=timezone.now()
            )
            contact = contacts[entry.contact]
            LogEntry.objects.log_actions(
                user_id,
                [orders[entry.order]],
                CHANGE,
                f"Linked to contact {contact.pk} ({contact}) of company {entry.company}; it was "
                f"in company {orders[entry.order].company_id}.",
                single_object=True,
            )
    return len(decided)


def _locked(user_id: int, model: Any, keys: set[int]) -> dict:
    """Return, by id, the rows that the user sees, locked; a row of another tenant is not there."""
    rows = seen_by(user_id, model.objects.filter(pk__in=keys))
    return {row.pk: row for row in rows.select_for_update().order_by("pk")}


def _problem(entry: Link, order: Order | None, contact: Contact | None) -> str | None:
    if order is None:
        return f"Order {entry.order} does not exist any more."
    if order.contact_id is not None:
        return f"Order {order} has contact {order.contact_id} by now."
    if contact is None:
        return f"Contact {entry.contact} does not exist any more."
    if contact.tenant_id != order.tenant_id:
        return f"Contact {contact.pk} belongs to another tenant than order {order}."
    if contact.company_id != entry.company:
        return f"Contact {contact.pk} ({contact}) has moved to company {contact.company_id}."
    return None
