"""Why a row needs a person's attention: said once, for lists, filters, counts and the dashboard."""

from django.db.models import F, Q

STILL_PLACED = Q(company_id=F("placed_in_company_id"))
PLACED_AND_SETTLED = Q(placed_in_company_id__isnull=False) & ~Q(
    company_id=F("placed_in_company_id")
)
NOT_PLACED = Q(placed_in_company_id__isnull=True)
SET_ASIDE = Q(email_set_aside__isnull=False)
