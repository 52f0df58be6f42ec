"""What a person has chosen so far on the page that moves contacts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode

from companies.models import Company
from companies.naming import companies_alike
from contacts.models import Contact
from jmsk.adminsite.selection import LARGEST_KEY, Selection


class ChoiceForm(forms.Form):
    """What the page is asked for; everything in it is optional."""

    q = forms.CharField(required=False, max_length=200, label="Search companies")
    company = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
    new_company = forms.CharField(required=False, max_length=255, label="Or create a company")
    anyway = forms.BooleanField(required=False)
    without = forms.BooleanField(required=False)
    shown = forms.CharField(required=False, max_length=64)
    since = forms.CharField(required=False, max_length=40)

    def clean_since(self) -> datetime:
        """Return when the page was shown; now, where it does not say so."""
        try:
            return parse_datetime(self.cleaned_data["since"]) or timezone.now()
        except ValueError:
            return timezone.now()


class AlikeError(ValidationError):
    """There are companies whose names differ from the new one's in case or accents only."""

    def __init__(self, name: str, alike: list[Company]) -> None:
        self.alike = alike
        there = ", ".join(f"“{company}”" for company in alike)
        super().__init__(
            f"There is {there} already, which differs from “{name}” in case or accents only. "
            "Choose that, or tick that you want another company."
        )


@dataclass(frozen=True)
class Choosing:
    """What was chosen so far, of a tenant whose contacts are to move."""

    selection: Selection
    contacts: QuerySet[Contact]
    tenant: tuple[int, str, int]
    form: ChoiceForm

    @property
    def asked(self) -> dict[str, Any]:
        return self.form.cleaned_data


def narrowed(selection: Selection, tenant: int) -> str:
    """Return a query string of the list that shows those selected of one tenant."""
    ids = [("id__in", ",".join(map(str, selection.ids)))] if selection.ids else []
    narrower = urlencode([*ids, ("tenant__id__exact", str(tenant))])
    return f"{selection.filters}&{narrower}" if selection.filters else narrower


def resumed(choosing: Choosing) -> str:
    """Return the page's query string, to come back to it after a login in between."""
    chosen = [
        (name, choosing.asked[name])
        for name in ("company", "new_company", "anyway", "q")
        if choosing.asked.get(name)
    ]
    return f"{choosing.selection.query}&{urlencode(chosen)}"


def target_of(request: HttpRequest, choosing: Choosing) -> Company | None:
    """Return the chosen company, unsaved if it has to be created, or None if none was chosen.

    Raises ValidationError where it is not one of the tenant's or cannot be created, AlikeError
    where one of nearly that name is there and the person has not said to want another.
    """
    tenant, tenant_name, _ = choosing.tenant
    asked = choosing.asked
    if asked["new_company"]:
        if not request.user.has_perm("companies.add_company"):
            raise PermissionDenied
        company = Company(tenant_id=tenant, name=asked["new_company"])
        company.full_clean(exclude=["created_at", "updated_at"])
        alike = companies_alike(tenant, company.name)
        if alike and not asked["anyway"]:
            raise AlikeError(company.name, alike)
        return company
    if asked["company"] is None:
        return None
    found = Company.objects.filter(tenant_id=tenant, pk=asked["company"]).first()
    if found is None:
        raise ValidationError(f"{tenant_name} has no company {asked['company']}.")
    return found
