"""What may be left to settle: each subject with the list where it is settled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from companies.models import Address, Company
from contacts.models import Contact
from contacts.settling.attention import ALIKE_EMAILS, SET_ASIDE, STILL_PLACED
from jmsk.adminsite.base import may_view
from jmsk.adminsite.check_rules import rules_for
from orders.linking import WITHOUT_CONTACT
from orders.models import Order


@dataclass(frozen=True)
class Subject:
    """Something to settle: the list where it is done, the filter there, and its condition.

    ``label`` names several of it, ``single`` one.
    """

    model: Any
    label: str
    single: str
    kind: str
    filters: tuple[tuple[str, str], ...]
    condition: Any

    def url(self, tenant: int | None) -> str:
        """Return where it is settled, for one tenant or for all."""
        options = self.model._meta
        page = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        narrowed = [] if tenant is None else [("tenant__id__exact", str(tenant))]
        return f"{page}?{urlencode([*self.filters, *narrowed])}"


SETTLED_IN_CONTACTS = (
    Subject(
        Contact,
        "contacts still where the migration placed them",
        "contact still where the migration placed it",
        "placed",
        (("placed", "still"),),
        STILL_PLACED,
    ),
    Subject(
        Contact,
        "duplicate e-mails set aside",
        "duplicate e-mail set aside",
        "aside",
        (("set_aside", "yes"),),
        SET_ASIDE,
    ),
)
LIKELY_DUPLICATES = Subject(
    Contact,
    "contacts likely to be duplicates: e-mails like a colleague's",
    "contact likely to be a duplicate: an e-mail like a colleague's",
    "alike",
    (("set_aside", "alike"),),
    ALIKE_EMAILS,
)
SETTLED_IN_ORDERS = (
    Subject(
        Order,
        "orders without a contact",
        "order without a contact",
        "orders",
        (("contact", "none"),),
        WITHOUT_CONTACT,
    ),
)


def left_subjects(request: HttpRequest) -> Iterator[Subject]:
    """Yield what there may be to settle, of what the user may view."""
    if may_view(request, Contact):
        yield from (*SETTLED_IN_CONTACTS, LIKELY_DUPLICATES)
    if may_view(request, Order):
        yield from SETTLED_IN_ORDERS
    for listed, model in ((Contact, Contact), (Company, Company), (Company, Address)):
        if not may_view(request, listed):
            continue
        for rule in rules_for(request, model):
            condition: Any = rule.broken
            if model is Address:
                condition = Exists(Address.objects.filter(rule.broken, company=OuterRef("pk")))
            broken = f"whose {rule.label} breaks a rule ({rule.name})"
            options = model._meta
            label = f"{options.verbose_name_plural} {broken}"
            single = f"{options.verbose_name} {broken}"
            yield Subject(listed, label, single, "rule", (("breaks", rule.name),), Q(condition))
