"""What a person has said so far on the page that links orders, and what is offered there."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from jmsk.adminsite.selection import is_key
from orders.decisions import Decisions, NewContact
from orders.linking import Candidate, Link, candidates, search
from orders.models import Order

LONGEST_SEARCH = 200
LONGEST = 255
NEW, NONE = "new", "none"
"""What is chosen besides a contact: one that is to be made, and that nobody is wanted."""
NOT_UNDERSTOOD = "A choice was not understood. Nothing was linked."
TYPED = ("name", "email", "phone", "company")


@dataclass(frozen=True)
class Choice:
    """An order with the contacts proposed for it, and what the person has said of it so far.

    ``typed`` are the values of a contact that may be made: the order's own, until they are changed.
    """

    order: Order
    proposed: list[Candidate]
    searched: str
    chosen: str
    typed: dict[str, str]


def choices_of(orders: list[Order], asked: Any) -> list[Choice]:
    """Return the orders with their proposals; what a search found of an order comes behind."""
    proposed = candidates(orders)
    choices = []
    for order in orders:
        text = _text(asked, "q", order.pk)[:LONGEST_SEARCH]
        known = {candidate.contact.pk for candidate in proposed[order.pk]}
        found = [
            Candidate(contact, "found by your search")
            for contact in (search(order, text) if text else ())
            if contact.pk not in known
        ]
        chosen = asked.get(f"order_{order.pk}", "")
        typed = _typed(order, asked)
        choices.append(Choice(order, [*proposed[order.pk], *found], text, chosen, typed))
    return choices


def chosen_of(sent: Any) -> Decisions:
    """Return what was decided. Raises ValidationError where a part of it is no such thing."""
    links, new, walk_ins = [], [], []
    for name, value in sent.items():
        if not name.startswith("order_") or not value:
            continue
        key = _number(name.removeprefix("order_"))
        if value == NONE:
            walk_ins.append(key)
        elif value == NEW:
            new.append(NewContact(key, *(_text(sent, field, key) for field in TYPED)))
        else:
            links.append(Link(key, *_contact_and_company(value)))
    return Decisions(tuple(links), tuple(new), tuple(walk_ins))


def _contact_and_company(value: str) -> tuple[int, int]:
    contact, found, company = value.partition(":")
    if not found:
        raise ValidationError(NOT_UNDERSTOOD)
    return _number(contact), _number(company)


def _number(text: str) -> int:
    if not is_key(text):
        raise ValidationError(NOT_UNDERSTOOD)
    return int(text)


def _text(asked: Any, field: str, order: int) -> str:
    return str(asked.get(f"{field}_{order}", "")).replace("\0", "").strip()[:LONGEST]


def _typed(order: Order, asked: Any) -> dict[str, str]:
    if f"name_{order.pk}" in asked:
        return {field: _text(asked, field, order.pk) for field in TYPED}
    own = (order.customer_name, order.customer_email, order.customer_phone)
    return dict(zip(TYPED, [*(text or "" for text in own), ""], strict=True))
