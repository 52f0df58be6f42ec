"""What is left to settle, by tenant: numbers, and a bar that compares them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count
from django.http import HttpRequest

from companies.admin_tenants import tenants_named
from contacts.models import Contact
from contacts.restructuring.bridge.description import read_bridge
from contacts.restructuring.bridge.usage import told
from contacts.settling.done import Done, done_subjects
from contacts.settling.left import SETTLED_IN_CONTACTS, Subject, left_subjects
from jmsk.access.tenants import is_limited, seen_in
from jmsk.adminsite.base import may_view
from jmsk.wording import inflected


@dataclass(frozen=True)
class Item:
    """How much of a subject is left. ``width`` is its part of the bar, in per cent."""

    subject: Subject
    number: int
    url: str
    width: float

    @property
    def told(self) -> str:
        """The number, with what it counts."""
        return inflected(self.number, self.subject.single, self.subject.label)


@dataclass(frozen=True)
class Left:
    """What a tenant, or all of them together, have left to settle, and what is done.

    ``done`` are sentences, ``total_done`` is the number of rows of which they tell.
    """

    name: str
    items: tuple[Item, ...]
    done: tuple[str, ...]
    total_done: int

    @property
    def total(self) -> int:
        return sum(item.number for item in self.items)


@dataclass(frozen=True)
class Dashboard:
    """All that the viewer may see. ``subjects`` are empty where that is nothing.

    ``tenants`` are those with most left, ``unfinished`` counts all that have anything left.
    ``bridge`` tells of the legacy application's bridge; '' where none stands.
    """

    subjects: tuple[Subject, ...]
    tenants: tuple[Left, ...]
    whole: Left
    unfinished: int
    searched: str
    bridge: str = ""

    @property
    def total(self) -> int:
        return self.whole.total


SHOWN_TENANTS = 10
Numbers = dict[Subject | Done, int]


def dashboard(request: HttpRequest) -> Dashboard:
    """Return what is left to settle, of what the user may view: of all tenants, and of some.

    Those are the ones with most left, or, of those, the ones that the request's search names.
    """
    subjects = tuple(left_subjects(request))
    asked: list[Subject | Done] = [*subjects, *done_subjects(request)]
    by_tenant: dict[int, Numbers] = defaultdict(dict)
    for tenant, subject, number in _count(request, asked):
        by_tenant[tenant][subject] = number
    by_tenant = {tenant: _sorted(numbers, asked) for tenant, numbers in by_tenant.items()}
    left = {tenant: _left(numbers) for tenant, numbers in by_tenant.items() if _left(numbers)}
    searched = request.GET.get("tenant", "").replace("\0", "").strip()
    names = dict(tenants_named(request, searched).filter(pk__in=left).values_list("pk", "name"))
    shown = sorted(names, key=lambda tenant: (-left[tenant], names[tenant]))[:SHOWN_TENANTS]
    most = max(left.values(), default=0)
    added = _sorted(_added(by_tenant.values()), asked)
    whole = _told("All tenants", None, added, sum(left.values()))
    return Dashboard(
        subjects=subjects,
        tenants=tuple(_told(names[one], one, by_tenant[one], most) for one in shown),
        whole=whole,
        unfinished=len(left),
        searched=searched,
        bridge=_bridge(whole, seen=may_view(request, Contact) and not is_limited(request)),
    )


def _left(numbers: Numbers) -> int:
    return sum(number for subject, number in numbers.items() if isinstance(subject, Subject))


def _sorted(numbers: Numbers, asked: Iterable[Subject | Done]) -> Numbers:
    return {one: numbers[one] for one in asked if one in numbers}


def _added(each: Iterable[Numbers]) -> Numbers:
    added: Counter[Subject | Done] = Counter()
    for numbers in each:
        added.update(numbers)
    return added


def _told(name: str, tenant: int | None, numbers: Numbers, whole_bar: int) -> Left:
    items = (
        Item(subject, number, subject.url(tenant), round(100 * number / whole_bar, 2))
        for subject, number in numbers.items()
        if isinstance(subject, Subject)
    )
    done = {one: number for one, number in numbers.items() if isinstance(one, Done)}
    told = tuple(one.told(number) for one, number in done.items())
    return Left(name, tuple(items), told, sum(done.values()))


def _bridge(left: Left, *, seen: bool) -> str:
    """Say that the bridge stands, and what is to be settled before it goes.

    ``left`` is of all tenants that the user sees; ``seen``: these are all, and all of it.
    """
    with connection.cursor() as cursor:
        bridge = read_bridge(cursor)
        if bridge is None:
            return ""
        stands = told(cursor, bridge)
    items = [item for item in left.items if item.subject in SETTLED_IN_CONTACTS]
    only = "only it shows them as customers without a company, or with an e-mail of their own"
    if items:
        numbers = " and ".join(item.told for item in items)
        settle = f"To settle before it goes: {numbers}; {only}."
    else:
        settle = "Nothing has to be settled before it goes." if seen else ""
    return f"The bridge for the legacy application {stands}. {settle}".rstrip()


def _count(
    request: HttpRequest, subjects: Iterable[Subject | Done]
) -> Iterator[tuple[int, Subject | Done, int]]:
    """Yield tenant, subject and number, where there is any: one query for each model."""
    by_model: dict[Any, list[Subject | Done]] = defaultdict(list)
    for subject in subjects:
        by_model[subject.model].append(subject)
    for model, asked in by_model.items():
        columns = {
            f"n{number}": Count("pk", filter=subject.condition)
            for number, subject in enumerate(asked)
        }
        rows = seen_in(request, model.objects.all())
        for tenant, *counts in rows.values_list("tenant_id").annotate(**columns):
            for subject, number in zip(asked, counts, strict=True):
                if number:
                    yield tenant, subject, number
