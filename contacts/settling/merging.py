"""Two contacts that are one person: what one of them has goes to the other, and can come back."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from contacts.models import Contact
from contacts.settling.models import Action
from contacts.settling.recording import ORDER_LINK, recording
from contacts.settling.settlement import holders
from contacts.settling.undoing import seen_actions
from jmsk.access.tenants import seen_by
from jmsk.adminsite.check_rules import Rule
from jmsk.postgres.references import referred_rows
from jmsk.wording import counted
from orders.models import Order

WRITTEN = ("name", "email", "phone", "email_set_aside")
CHANGED = (
    "One of the two has changed since this was shown, so nothing was done. What follows is how it "
    "is now: look at it again."
)


@dataclass(frozen=True)
class Merge:
    """What merging would do: ``gone`` becomes part of ``kept``, which has these values then."""

    kept: Contact
    gone: Contact
    name: str
    email: str | None
    phone: str | None
    orders: int
    entries: int

    @property
    def fingerprint(self) -> str:
        """A digest of everything that was shown."""
        rows = [
            [getattr(contact, field.attname) for field in Contact._meta.concrete_fields]
            for contact in (self.kept, self.gone)
        ]
        parts = (rows, self.name, self.email, self.phone, self.orders)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def dropped(self) -> list[str]:
        """The e-mails and phone numbers that nobody has afterwards."""
        emails, phones = _emails(self.kept, self.gone), _phones(self.kept, self.gone)
        return [value for value in (*emails, *phones) if value not in (self.email, self.phone)]


def offered(kept: Contact, gone: Contact) -> dict[str, list[str]]:
    """Return the values among which a person chooses, those of the contact that stays first."""
    return {
        "name": _distinct([kept.name, gone.name]),
        "email": _emails(kept, gone),
        "phone": _phones(kept, gone),
    }


def _emails(kept: Contact, gone: Contact) -> list[str]:
    own = [kept.email, gone.email, kept.email_set_aside, gone.email_set_aside]
    return _distinct(own)


def _phones(kept: Contact, gone: Contact) -> list[str]:
    return _distinct([kept.phone, gone.phone])


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def plan_merge(kept: Contact, gone: Contact, chosen: dict[str, str]) -> Merge:
    """Return what merging would do. ``chosen``: of those that are offered; the first, if none is.

    Raises ValidationError where the two cannot be merged.
    """
    if kept.tenant_id != gone.tenant_id:
        raise ValidationError("The two belong to different tenants, which never mix.")
    values = {}
    for field, choices in offered(kept, gone).items():
        wanted = chosen.get(field) or (choices[0] if choices else None)
        if wanted is not None and wanted not in choices:
            raise ValidationError(f"Neither of the two has the {field} “{wanted}”.")
        values[field] = wanted
    email = values["email"]
    others = holders(kept, email).exclude(pk=gone.pk) if email else Contact.objects.none()
    if holder := others.first():
        raise ValidationError(
            f"Contact {holder.pk} ({holder.name}) of {kept.company} has the e-mail {email} already."
        )
    with connection.cursor() as cursor:
        if referred_rows(cursor, "contacts", [gone.pk], {"orders": "contact_id"}):
            raise ValidationError(
                f"Rows of another program's tables refer to contact {gone.pk}: keep that one."
            )
    return Merge(
        kept=kept,
        gone=gone,
        name=values["name"] or kept.name,
        email=email,
        phone=values["phone"],
        orders=Order.objects.filter(contact=gone.pk).count(),
        entries=_history(gone).count(),
    )


def merge(
    kept_id: int,
    gone_id: int,
    chosen: dict[str, str],
    rules: Iterable[Rule],
    *,
    shown: str,
    user_id: int,
) -> str:
    """Merge the two as was shown; return what was done. It can be undone.

    Raises ValidationError, with nothing changed, where something is not as it was shown, so also
    where the user does not see the two any more.
    """
    with recording(Action.Kind.MERGE, user_id) as record:
        both = seen_by(user_id, Contact.objects.filter(pk__in=[kept_id, gone_id]))
        found = {contact.pk: contact for contact in both.select_for_update().order_by("pk")}
        if len(found) != 2:
            raise ValidationError(CHANGED)
        planned = plan_merge(found[kept_id], found[gone_id], chosen)
        if planned.fingerprint != shown:
            raise ValidationError(CHANGED)
        _refuse_what_breaks(planned, rules)
        entries = list(_history(planned.gone).values_list("pk", flat=True))
        record.writes("contacts", [gone_id])
        record.writes("contacts", [kept_id], *WRITTEN)
        record.writes("orders", [gone_id], *ORDER_LINK, by="contact_id")
        record.writes("django_admin_log", entries, "object_id")
        _write(planned)
        LogEntry.objects.filter(pk__in=entries).update(object_id=str(kept_id))
        told = _tell(planned)
        LogEntry.objects.log_actions(user_id, [planned.kept], CHANGE, told, single_object=True)
        record.end(told)
    return told


def merges_of(contact: Contact, user_id: int) -> QuerySet[Action]:
    """Return the merges that the contact came out of and that the user sees, the last first.

    Those that are undone are left out.
    """
    merges = seen_actions(user_id).filter(kind=Action.Kind.MERGE, undone_at=None)
    return merges.filter(rows__table="contacts", rows__row_id=contact.pk).order_by("-pk")


def _refuse_what_breaks(planned: Merge, rules: Iterable[Rule]) -> None:
    """Raise ValidationError where the contact would break a rule that is in force."""
    after = Contact(pk=planned.kept.pk, email=planned.email, phone=planned.phone)
    for rule in rules:
        if rule.enforced:
            rule.constraint.validate(Contact, after)


def _history(contact: Contact) -> QuerySet[LogEntry]:
    return LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Contact), object_id=str(contact.pk)
    )


def _write(planned: Merge) -> None:
    """Move the orders, then let the one go, then write the other: it may get the e-mail."""
    kept, now = planned.kept, timezone.now()
    Order.objects.filter(contact=planned.gone.pk).update(
        contact_id=kept.pk, company_id=kept.company_id, updated_at=now
    )
    Contact.objects.filter(pk=planned.gone.pk).delete()
    Contact.objects.filter(pk=kept.pk).update(
        name=planned.name,
        email=planned.email,
        phone=planned.phone,
        email_set_aside=None,
        updated_at=now,
    )


def _tell(planned: Merge) -> str:
    gone = planned.gone
    dropped = f" Dropped: {', '.join(planned.dropped)}." if planned.dropped else ""
    return (
        f"Merged contact {gone.pk} ({gone.name}) of company {gone.company_id} into contact "
        f"{planned.kept.pk} ({planned.name}): {counted(planned.orders, 'order')} and "
        f"{counted(planned.entries, 'entry', 'entries')} of history moved along.{dropped}"
    )
