"""What a person decides of orders without a contact: whose they are, or that nobody is wanted."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction

from companies.models import Company
from companies.naming import companies_alike
from contacts.models import Contact
from contacts.settling.models import Action, NoContactWanted
from contacts.settling.recording import Recording, recording
from jmsk.access.tenants import seen_by
from jmsk.wording import counted
from orders.linking import Link, link
from orders.models import Order


@dataclass(frozen=True)
class NewContact:
    """A decision: the order is of a contact that has still to be made.

    ``company`` is the name of its company as it was typed; '' for the order's own.
    """

    order: int
    name: str
    email: str
    phone: str
    company: str


@dataclass(frozen=True)
class Decisions:
    """What was decided on one page: orders of contacts, of new ones, and of walk-ins."""

    links: tuple[Link, ...] = ()
    new: tuple[NewContact, ...] = ()
    walk_ins: tuple[int, ...] = ()

    @property
    def orders(self) -> set[int]:
        """The keys of the orders that were decided on."""
        linked = {entry.order for entry in self.links}
        return linked | {entry.order for entry in self.new} | {*self.walk_ins}

    @property
    def number(self) -> int:
        return len(self.links) + len(self.new) + len(self.walk_ins)


def decide(decisions: Decisions, *, user_id: int) -> str:
    """Do all that was decided, or nothing; return what was done. It can be undone.

    Raises ValidationError where a part of it cannot be.
    """
    with recording(Action.Kind.LINK, user_id) as record:
        made = [_make(new, user_id, record) for new in decisions.new]
        links = [*decisions.links, *made]
        done = []
        if links:
            done.append(f"Linked {counted(link(links, user_id=user_id, record=record), 'order')}")
        if made:
            done.append(f"made {counted(len(made), 'contact')}")
        if decisions.walk_ins:
            marked = _mark(decisions.walk_ins, user_id, record)
            done.append(f"{counted(marked, 'order')} marked as wanting no contact")
        told = f"{'; '.join(done)}."
        record.end(told)
    return told


def want_none(keys: Iterable[int], *, user_id: int) -> str:
    """Mark those of the orders that have no contact as wanting none; return what was done."""
    with recording(Action.Kind.NO_CONTACT, user_id) as record:
        open_ones = seen_by(user_id, Order.objects.filter(pk__in=list(keys), contact__isnull=True))
        marked = _mark(open_ones.values_list("pk", flat=True), user_id, record)
        told = f"{counted(marked, 'order')} marked as wanting no contact."
        record.end(told)
    return told


def want_one_again(keys: Iterable[int], *, user_id: int) -> int:
    """Take the mark off again; return of how many orders."""
    with transaction.atomic():
        seen = seen_by(user_id, Order.objects.filter(pk__in=list(keys))).values("pk")
        marks = NoContactWanted.objects.filter(pk__in=seen).select_for_update()
        orders = Order.objects.filter(pk__in=[mark.pk for mark in marks]).order_by("pk")
        LogEntry.objects.log_actions(user_id, orders, CHANGE, "A contact is wanted again.")
        marks.delete()
    return len(orders)


def _mark(keys: Iterable[int], user_id: int, record: Recording) -> int:
    """Mark these orders. Raises ValidationError where one has a contact by now."""
    wanted = set(keys)
    seen = seen_by(user_id, Order.objects.filter(pk__in=wanted))
    orders = list(seen.select_for_update().order_by("pk"))
    linked = [order for order in orders if order.contact_id is not None]
    if linked or len(orders) != len(wanted):
        told = f"Order {linked[0]} has a contact by now." if linked else "An order is gone."
        raise ValidationError(f"{told} Nothing was changed. Look again.")
    known = set(NoContactWanted.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    new = [order for order in orders if order.pk not in known]
    NoContactWanted.objects.bulk_create(
        [NoContactWanted(order_id=order.pk, user_id=user_id) for order in new], 1000
    )
    record.made("settling_nocontactwanted", [order.pk for order in new])
    LogEntry.objects.log_actions(user_id, new, CHANGE, "Marked: no contact is wanted.")
    return len(new)


def _make(new: NewContact, user_id: int, record: Recording) -> Link:
    """Make the contact; return the decision that the order is its. Raises ValidationError."""
    seen = seen_by(user_id, Order.objects.filter(pk=new.order))
    order = seen.select_related("company").first()
    if order is None:
        raise ValidationError(f"Order {new.order} does not exist any more. Nothing was changed.")
    try:
        company = _company(order, new.company)
        contact = Contact(
            tenant_id=order.tenant_id,
            company=company,
            name=new.name,
            email=new.email or None,
            phone=new.phone or None,
        )
        contact.full_clean(exclude=["created_at", "updated_at"])
    except ValidationError as error:
        told = " ".join(error.messages)
        raise ValidationError(f"Order {order}: {told} Nothing was changed.") from error
    contact.save()
    record.made("contacts", [contact.pk])
    told = f"Made for order {order.pk} ({order})."
    LogEntry.objects.log_actions(user_id, [contact], ADDITION, told, single_object=True)
    return Link(order.pk, contact.pk, company.pk)


def _company(order: Order, name: str) -> Company:
    """Return the company of that name, or the order's own. Raises ValidationError."""
    if not name:
        return order.company
    alike = companies_alike(order.tenant_id, name)
    exact = [company for company in alike if company.name == name]
    if exact:
        return exact[0]
    meant = f" Did you mean “{alike[0]}”?" if alike else " Make it under Companies first."
    raise ValidationError(f"There is no company “{name}”.{meant}")
