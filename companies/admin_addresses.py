"""A company's addresses, on the company's own page."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from companies.models import Address, Company
from jmsk.adminsite.base import SeenMixin
from jmsk.adminsite.forms import ChangedValuesForm

WITH_STATES = frozenset(
    {
        *("usa", "us", "u.s.", "u.s.a.", "united states", "united states of america", "america"),
        *("canada", "australia", "brazil", "brasil", "india", "mexico", "méxico", "malaysia"),
    }
)
"""Countries whose addresses need a state; in others it may be empty."""


class AddressForm(ChangedValuesForm):
    """An address. That there is one default only is brought about by the database."""

    left_to_database = frozenset({"is_default"})
    state = forms.CharField(
        required=False,
        max_length=50,
        widget=AdminTextInputWidget,
        help_text="Empty where the country's addresses have none.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        country = (cleaned.get("country") or "USA").strip()  # as the database has it
        touched = {"state", "country"} & {*self.changed_data} or self.instance.pk is None
        if touched and not cleaned.get("state") and country.casefold() in WITH_STATES:
            self.add_error("state", f"An address in {country} has a state.")
        return cleaned

    def logged_row(self) -> Company:
        company: Company = self.instance.company
        return company


START = (
    "This is the company's free-text address, as a start: put each part where it belongs. Left as "
    "it is, nothing is saved."
)


class AddressFormSet(forms.BaseInlineFormSet):
    """The addresses of one company, of which at most one is the default."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.start = start_of(self.instance)
        if self.start:
            self.initial_extra = [{"street_address": self.start}]

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if self.start and index == 0:
            form.fields["street_address"].help_text = START

    def clean(self) -> None:
        """Say before the database does that a default that goes needs a successor."""
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.has_changed() or form.instance.pk]
        going = [form.instance for form in kept if form.cleaned_data.get("DELETE")]
        kept = [form for form in kept if not form.cleaned_data.get("DELETE")]
        ticked = [form for form in kept if form.cleaned_data.get("is_default")]
        newly = [form for form in ticked if "is_default" in form.changed_data]
        if len(newly) > 1:
            raise ValidationError("Tick one address as the default, not several.")
        if kept and not ticked and any(address.is_default for address in going):
            raise ValidationError("Tick the address that is to be the default.")


class AddressInline(SeenMixin, admin.StackedInline):
    """The addresses, the default first."""

    model = Address
    form = AddressForm
    formset = AddressFormSet
    fields = ("is_default", "street_address", "zip_code", "city", "state", "country")
    ordering = ("-is_default", "pk")
    min_num = 0

    def get_extra(self, request: HttpRequest, obj: Company | None = None, **kwargs: Any) -> int:
        return 1 if obj is not None and start_of(obj) else 0


def start_of(company: Company) -> str:
    """Return the free-text address in one line, where the company has no address yet; else ''.

    It is not taken apart: nobody but a person knows which part is what.
    """
    lines = (company.address or "").splitlines()
    text = ", ".join(line.strip() for line in lines if line.strip())
    if not text or company.pk is None or company.addresses.exists():
        return ""
    return text


def save_addresses(company: Company, formset: Any) -> None:
    """Save an :class:`AddressFormSet` in the order in which the database's rules let it through.

    The new default goes first: it unsets the old one, which may then be changed or deleted.
    """
    formset.save(commit=False)
    columns = {field.name for field in Address._meta.concrete_fields}
    todo: list[tuple[Address, list[str] | None]] = [
        (address, [name for name in names if name in columns])
        for address, names in formset.changed_objects
    ]
    todo += [(address, None) for address in formset.new_objects]
    for address, names in sorted(todo, key=lambda pair: not pair[0].is_default):
        address.tenant_id = company.tenant_id
        if names is None:
            address.save()
        elif names:
            address.save(update_fields=names)
    # In one statement: a default may go together with all the others, but not before them.
    Address.objects.filter(pk__in=[address.pk for address in formset.deleted_objects]).delete()
