"""Companies that contacts may belong to, by what the rows themselves say; people decide."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import connection

from companies.models import Company
from contacts.models import Contact
from contacts.settling.attention import STILL_PLACED
from contacts.settling.models import Action
from contacts.settling.reassignment import make_plan, reassign
from contacts.settling.recording import Recording, recording
from jmsk.access.tenants import seen_by
from jmsk.adminsite.check_rules import Rule
from jmsk.wording import counted

MOST = 3
"""What speaks for more companies than this, a provider's domain or a town's numbers, says
nothing."""
FREE_MAIL = (
    *("aol.com", "free.fr", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net"),
    *("googlemail.com", "hotmail.com", "hotmail.co.uk", "icloud.com", "laposte.net", "libero.it"),
    *("live.com", "mac.com", "mail.com", "mail.ru", "me.com", "msn.com", "orange.fr"),
    *("outlook.com", "proton.me", "protonmail.com", "qq.com", "t-online.de", "web.de"),
    *("wanadoo.fr", "yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yandex.ru", "163.com"),
)
"""Whose addresses say nothing about where a person works."""
EVIDENCE = r"""
    WITH asked AS (
        SELECT id, tenant_id, lower(split_part(coalesce(email, email_set_aside), '@', 2)) AS domain,
               regexp_replace(coalesce(phone, ''), '\D', '', 'g') AS digits
          FROM contacts WHERE id = ANY(%(keys)s)
    ), offered AS (
        SELECT id, tenant_id, name, email, phone FROM companies
         WHERE NOT is_default AND tenant_id IN (SELECT tenant_id FROM asked)
    ), known AS (
        SELECT o.tenant_id, o.id AS company_id, lower(split_part(one.email, '@', 2)) AS domain,
               regexp_replace(coalesce(one.phone, ''), '\D', '', 'g') AS digits
          FROM offered AS o,
       LATERAL (SELECT o.email, o.phone UNION ALL
                SELECT c.email, c.phone FROM contacts AS c WHERE c.company_id = o.id) AS one
    )
    SELECT a.id, k.company_id, 1, 'same e-mail domain ' || a.domain
      FROM asked AS a JOIN known AS k USING (tenant_id)
     WHERE a.domain = k.domain AND a.domain <> '' AND a.domain <> ALL(%(free)s)
     UNION
    SELECT a.id, k.company_id, 2, 'same phone number but for its last digits'
      FROM asked AS a JOIN known AS k USING (tenant_id)
     WHERE length(a.digits) >= 8 AND left(a.digits, -3) = left(k.digits, -3)
     UNION
    SELECT a.id, f.id, 3, 'an order names the company'
      FROM asked AS a
      JOIN orders AS o ON o.contact_id = a.id
      JOIN offered AS f ON f.tenant_id = a.tenant_id AND length(f.name) >= 4
       AND position(lower(f.name) IN
                    lower(concat_ws(' ', o.product_description, o.specifications))) > 0
     ORDER BY 1, 3, 2
"""


@dataclass(frozen=True)
class Proposal:
    """A company that a contact may belong to, and what speaks for it."""

    company: Company
    reason: str


@dataclass(frozen=True)
class Acceptance:
    """A decision: the contact, who was shown in ``placed_in``, goes to ``company``."""

    contact: int
    placed_in: int
    company: int


def propose(contacts: Iterable[Contact]) -> dict[int, list[Proposal]]:
    """Return, by contact, the companies of its tenant that its rows speak for, the best first.

    The best has most kinds of evidence: an e-mail domain, a phone number, the text of an order.
    """
    keys = [contact.pk for contact in contacts]
    spoken_for: dict[tuple[int, str], list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(EVIDENCE, {"keys": keys, "free": list(FREE_MAIL)})
        for contact, company, _, reason in cursor.fetchall():
            spoken_for[contact, reason].append(company)
    reasons: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (contact, reason), found in spoken_for.items():
        for company in found if len(found) <= MOST else ():
            reasons[contact][company].append(reason)
    named = {company for found in reasons.values() for company in found}
    companies = Company.objects.in_bulk(named)
    return {
        contact: [
            Proposal(companies[company], " and ".join(by_company[company]))
            for company in sorted(by_company, key=lambda one: (-len(by_company[one]), one))
        ]
        for contact, by_company in reasons.items()
    }


def accept(accepted: Iterable[Acceptance], rules: Iterable[Rule], user_id: int) -> int:
    """Move each contact to the company that was accepted for it, all or none; return how many.

    Raises ValidationError, with nothing changed, where a contact is no longer where it was shown,
    or cannot go.
    """
    by_company: dict[int, list[Acceptance]] = defaultdict(list)
    for one in sorted(accepted, key=lambda one: one.contact):
        by_company[one.company].append(one)
    number = sum(map(len, by_company.values()))
    with recording(Action.Kind.REASSIGN, user_id) as record:
        for key in sorted(by_company):
            _accept_for(key, by_company[key], list(rules), user_id, record)
        record.end(f"Reassigned {counted(number, 'contact')} as proposed.")
    return number


def _accept_for(
    key: int, accepted: list[Acceptance], rules: list[Rule], user_id: int, record: Recording
) -> None:
    company = seen_by(user_id, Company.objects.filter(pk=key, is_default=False)).first()
    if company is None:
        raise ValidationError(
            f"Company {key} is gone, or is a default company. Nothing was changed."
        )
    shown = {one.contact: one.placed_in for one in accepted}
    contacts = Contact.objects.filter(STILL_PLACED, tenant=company.tenant_id, pk__in=shown)
    there = dict(contacts.values_list("pk", "company_id"))
    for contact, placed_in in shown.items():
        if there.get(contact) != placed_in:
            raise ValidationError(f"Contact {contact} was moved meanwhile. Nothing was changed.")
    plan = make_plan(contacts, company, rules)
    if plan.held:
        held = plan.held[0]
        raise ValidationError(f"{held.name} cannot go: {held.reason}. Nothing was changed.")
    reassign(contacts, company, rules, shown=plan.fingerprint, user_id=user_id, record=record)
