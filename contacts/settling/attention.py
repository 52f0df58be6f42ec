"""Why a row needs a person's attention: said once, for lists, filters, counts and the dashboard."""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Count, F, Q, Window
from django.db.models.functions import Lower

from contacts.models import Contact

STILL_PLACED = Q(company_id=F("placed_in_company_id"))
PLACED_AND_SETTLED = Q(placed_in_company_id__isnull=False) & ~Q(
    company_id=F("placed_in_company_id")
)
NOT_PLACED = Q(placed_in_company_id__isnull=True)
SET_ASIDE = Q(email_set_aside__isnull=False)
_SAME_COMPANY_AND_EMAIL = Window(
    Count("pk"), partition_by=[F("tenant_id"), F("company_id"), Lower("email")]
)
ALIKE_EMAILS = Q(
    pk__in=Contact.objects.filter(email__isnull=False)
    .annotate(alike=_SAME_COMPANY_AND_EMAIL)
    .filter(alike__gt=1)
    .values("pk")
)
"""Somebody else in the company has an e-mail that differs in upper and lower case only."""
ALIKE_AMONG = """
    SELECT unnest(array_agg(id)) FROM contacts
     WHERE company_id = ANY(%s::bigint[])
       AND lower(email) IN (SELECT lower(one) FROM unnest(%s::text[]) AS one)
     GROUP BY company_id, lower(email) HAVING count(*) > 1
"""


def with_alike_emails(contacts: Iterable[Contact]) -> set[int]:
    """Return which of some contacts ALIKE_EMAILS is true of: one pass, and no sort of them all."""
    emails = [(contact.company_id, contact.email) for contact in contacts if contact.email]
    companies = sorted({company for company, _ in emails})
    with connection.cursor() as cursor:
        cursor.execute(ALIKE_AMONG, [companies, [email for _, email in emails]])
        return {pk for (pk,) in cursor.fetchall()}
