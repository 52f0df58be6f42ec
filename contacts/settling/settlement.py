"""Settling an e-mail that the migration set aside: restore it, replace it, or drop it."""

from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CheckConstraint, QuerySet
from django.utils import timezone

from contacts.models import Contact
from jmsk.access.tenants import seen_by

RESTORE, REPLACE, DROP = "restore", "change", "drop"


@dataclass(frozen=True)
class Answer:
    """What a person decided: ``decision``, and the e-mail they typed, for REPLACE."""

    decision: str
    email: str | None = None


def holders(contact: Contact, email: str | None) -> QuerySet[Contact]:
    """Return the other contacts of the contact's company that have ``email``."""
    same = Contact.objects.filter(
        tenant_id=contact.tenant_id, company_id=contact.company_id, email=email
    )
    return same.exclude(pk=contact.pk).order_by("pk")


def possible_decisions(contact: Contact) -> list[str]:
    """Return which decisions would not be refused: an e-mail that is taken cannot be restored."""
    try:
        _validate(contact, contact.email_set_aside)
    except ValidationError:
        return [REPLACE, DROP]
    return [RESTORE, REPLACE, DROP]


def settle(contact_id: int, answer: Answer, *, shown: str, user_id: int) -> Contact:
    """Do what was decided for the e-mail ``shown``; the history keeps what was set aside.

    Raises ValidationError where that cannot be: it was settled meanwhile, another contact of the
    company has the e-mail, or it breaks the rule for e-mails.
    """
    with transaction.atomic():
        seen = seen_by(user_id, Contact.objects.filter(pk=contact_id))
        contact = seen.select_for_update().first()
        if contact is None or contact.email_set_aside is None or contact.email_set_aside != shown:
            raise ValidationError("This e-mail was settled meanwhile. Nothing was changed.")
        email = {RESTORE: shown, REPLACE: answer.email, DROP: contact.email}[answer.decision]
        if answer.decision != DROP:
            _validate(contact, email)
        before = contact.email
        contact.email, contact.email_set_aside = email, None
        contact.updated_at = timezone.now()
        contact.save(update_fields=["email", "email_set_aside", "updated_at"])
        LogEntry.objects.log_actions(
            user_id,
            [contact],
            CHANGE,
            f"Settled the e-mail {shown or '(empty)'} that was set aside ({answer.decision}): "
            f"the e-mail was {before or 'none'} and is {email or 'none'}.",
            single_object=True,
        )
    return contact


def _validate(contact: Contact, email: str | None) -> None:
    if not email:
        raise ValidationError("Enter the e-mail that the contact shall have.")
    holder = holders(contact, email).first()
    if holder is not None:
        raise ValidationError(
            f"Contact {holder.pk} ({holder.name}) of the same company has the e-mail {email} "
            "already. Change that one first, or choose another e-mail."
        )
    candidate = Contact(pk=contact.pk, email=email)
    for rule in Contact._meta.constraints:
        if isinstance(rule, CheckConstraint) and rule.name == "ck_contacts_email_format":
            rule.validate(Contact, candidate)
