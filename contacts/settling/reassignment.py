"""Moving contacts to another company: what would happen, and doing exactly that.

A plan is made twice: to be shown, and again at the confirmation with the contacts locked. The two
are compared by fingerprint. What was not shown is not done.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from django.contrib.admin.models import CHANGE
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from companies.models import Company
from contacts.models import Contact
from contacts.settling.recording import Recording
from jmsk.access.tenants import seen_by
from jmsk.adminsite.check_rules import Rule
from jmsk.postgres.among import among
from orders.models import Order

logger = logging.getLogger("contacts.restructuring")

MOVED_AT_ONCE = 5000
HISTORY = """
    INSERT INTO django_admin_log (action_time, user_id, content_type_id, object_id, object_repr,
                                  action_flag, change_message)
    SELECT clock_timestamp(), %s, %s, id::text, left(name, 200), %s,
           format('Reassigned from company %%s to company %%s (%%s).', company_id, %s, %s::text)
      FROM contacts WHERE id = ANY(%s) ORDER BY id
"""


class ChangedMeanwhileError(Exception):
    """What is there now is not what the person was shown; nothing was changed."""


@dataclass(frozen=True)
class Held:
    """A contact that cannot go, and why."""

    pk: int
    name: str
    reason: str


@dataclass(frozen=True)
class Row:
    """What decides whether a contact can go."""

    pk: int
    tenant: int
    company: int
    name: str
    email: str | None
    phone: str | None
    email_set_aside: str | None


@dataclass(frozen=True)
class Plan:
    """What reassigning would do. ``company`` is None where it has still to be created."""

    tenant: int
    company: int | None
    company_name: str
    moving: tuple[Row, ...]
    already_there: int
    held: tuple[Held, ...]
    orders: int

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything the plan says."""
        parts: Iterable[object] = (
            (self.tenant, self.company, self.company_name, self.already_there, self.orders),
            *self.held,
            *self.moving,
        )
        return hashlib.sha256("\n".join(map(repr, parts)).encode()).hexdigest()


def tenants_of(contacts: QuerySet[Contact]) -> list[tuple[int, str, int]]:
    """Return id, name and number of contacts of each tenant in a selection."""
    counted = contacts.order_by().values_list("tenant_id", "tenant__name")
    return list(counted.annotate(number=Count("pk")).order_by("tenant_id"))


def make_plan(contacts: QuerySet[Contact], company: Company, rules: Iterable[Rule] = ()) -> Plan:
    """Return what moving ``contacts``, all of one tenant, to ``company`` would do.

    ``company`` may be unsaved. ``rules`` are those in force in the database that rows may break:
    the server refuses every update of such a row.
    """
    fields = [field for field in Row.__dataclass_fields__ if field not in ("tenant", "company")]
    names = ("pk", "tenant_id", "company_id", *fields[1:])
    rows = [Row(*values) for values in contacts.order_by("pk").values_list(*names)]
    leaving = [row for row in rows if row.company != company.pk]
    broken = dict(_broken_rules(contacts, rules))
    # A contact that stays because of a rule takes no e-mail along.
    able = [row for row in leaving if row.pk not in broken]
    reasons = {**dict(_email_conflicts(able, company)), **broken}
    held = tuple(Held(row.pk, row.name, reasons[row.pk]) for row in leaving if row.pk in reasons)
    moving = tuple(row for row in leaving if row.pk not in reasons)
    orders = Order.objects.filter(contact_id__in=among(row.pk for row in moving)).count()
    return Plan(
        tenant=company.tenant_id,
        company=company.pk,
        company_name=company.name,
        moving=moving,
        already_there=len(rows) - len(leaving),
        held=held,
        orders=orders,
    )


def first_movers(plan: Plan, number: int) -> QuerySet[Contact]:
    """Return the first ``number`` contacts that would move, with the orders they take along."""
    first = Contact.objects.filter(pk__in=[row.pk for row in plan.moving[:number]])
    with_orders = first.annotate(number_of_orders=Count("orders"))
    return with_orders.select_related("company").order_by("pk")


def _email_conflicts(leaving: list[Row], company: Company) -> Iterator[tuple[int, str]]:
    """Yield the contacts whose e-mail somebody in the company has, or an earlier one brings."""
    wanted = {row.email for row in leaving if row.email is not None}
    holders: dict[str | None, str] = {}
    if company.pk is not None and wanted:
        there = Contact.objects.filter(
            tenant_id=company.tenant_id, company_id=company.pk, email__in=among(wanted, "text")
        )
        holders = {
            email: f"contact {pk} ({name}) of that company has the e-mail {email} already"
            for pk, name, email in there.values_list("pk", "name", "email")
        }
    for row in leaving:
        if row.email is None:
            continue
        if row.email in holders:
            yield row.pk, holders[row.email]
            continue
        holders[row.email] = (
            f"contact {row.pk} ({row.name}), who moves too, has the e-mail {row.email}"
        )


def _broken_rules(contacts: QuerySet[Contact], rules: Iterable[Rule]) -> Iterator[tuple[int, str]]:
    for rule in rules:
        if not rule.enforced:
            continue
        for pk in contacts.filter(rule.broken).values_list("pk", flat=True):
            yield pk, f"the {rule.label} breaks {rule.name}, which the database enforces"


def reassign(
    contacts: QuerySet[Contact],
    company: Company,
    rules: Iterable[Rule],
    *,
    shown: str,
    user_id: int,
    record: Recording,
    progress: Callable[[int], None] = lambda number: None,
) -> Plan:
    """Move ``contacts`` to ``company``, all or none, and write each one's history.

    ``company`` is created if it is unsaved. Its orders move with a contact: the database sees to
    that in the same statement. Those that the plan holds back stay. ``progress`` is told from time
    to time how many have moved; ``record`` is told what is written, so that it can be undone.

    Raises ChangedMeanwhileError if the plan is no longer the one with the fingerprint ``shown``,
    so also where the user does not see all of them any more,
    and Django's database errors for what the server refuses. Either way nothing was changed.
    """
    with transaction.atomic():
        seen = seen_by(user_id, contacts)
        found = list(seen.order_by("pk").values_list("pk", flat=True))
        chosen = Contact.objects.filter(pk__in=among(found))
        # In the order of their ids, so that two people cannot wait for each other.
        locked = chosen.select_for_update().order_by("pk").values_list("pk", flat=True)
        if list(locked) != found:
            raise ChangedMeanwhileError
        plan = make_plan(chosen, company, rules)
        if plan.fingerprint != shown:
            raise ChangedMeanwhileError
        if company._state.adding:
            company.save()
            record.made("companies", [company.pk])
        moving = [row.pk for row in plan.moving]
        for start in range(0, len(moving), MOVED_AT_ONCE):
            keys = moving[start : start + MOVED_AT_ONCE]
            record.writes("contacts", keys, "company_id")
            _move(keys, company, user_id)
            progress(min(start + MOVED_AT_ONCE, len(moving)))
    logger.info("user %s moved %s contacts to company %s", user_id, len(plan.moving), company.pk)
    return plan


def _move(keys: list[int], company: Company, user_id: int) -> None:
    """Move these contacts; their history is written by the server, who has their names."""
    contact_type = ContentType.objects.get_for_model(Contact)
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, [user_id, contact_type.pk, CHANGE, company.pk, company.name, keys])
    moving = Contact.objects.filter(pk__in=among(keys))
    if moving.update(company_id=company.pk, updated_at=timezone.now()) != len(keys):
        raise ChangedMeanwhileError
