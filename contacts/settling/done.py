"""What people have settled since the migration, as the rows and the admin's history tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import In
from django.http import HttpRequest

from contacts.models import Contact
from contacts.settling.attention import PLACED_AND_SETTLED, SET_ASIDE
from jmsk.adminsite.base import may_view
from jmsk.wording import counted
from orders.linking import NO_CONTACT_WANTED
from orders.models import Order


@dataclass(frozen=True)
class Done:
    """Something that was settled: of which rows it is told, in which words, and their condition."""

    model: Any
    noun: str
    what: str
    condition: Any

    def told(self, number: int) -> str:
        return f"{counted(number, self.noun)} {self.what}"


def done_subjects(request: HttpRequest) -> Iterator[Done]:
    """Yield what may have been settled, of what the user may view."""
    if may_view(request, Contact):
        yield Done(Contact, "placed contact", "settled already", PLACED_AND_SETTLED)
        settled = ~SET_ASIDE & _told_of(Contact, "Settled the e-mail")
        yield Done(Contact, "duplicate e-mail", "settled", settled)
    if may_view(request, Order):
        linked = Q(contact__isnull=False) & _told_of(Order, "Linked to contact")
        yield Done(Order, "order", "linked to a contact", linked)
        yield Done(Order, "order", "marked as wanting no contact", NO_CONTACT_WANTED)


def _told_of(model: Any, beginning: str) -> Q:
    """Return the condition of rows of whose history an entry begins so."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(model),
        change_message__startswith=beginning,
    )
    return Q(In(Cast("pk", TextField()), entries.values("object_id")))
