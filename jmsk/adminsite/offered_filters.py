"""A list takes from its URL the filters that it offers, and refuses any other in words."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import transaction
from django.http import HttpRequest

from jmsk.adminsite.pages import refusal_page
from jmsk.adminsite.refusals import Refusals, readable

FIELD_LOOKUPS = ("exact", "isnull", "id__exact")
KEY_LOOKUPS = ("exact", "in")
"""Of the rows that a foreign key points at: whole numbers, found by an index."""
NOT_UNDERSTOOD = (
    "The address of this page asks the list for something that it does not offer. Open the list "
    "without it, and choose among its filters."
)


class BadFilterError(ValueError):
    """A list is asked for what it does not offer, or by a value that means nothing."""


class OfferedFiltersAdmin(admin.ModelAdmin):
    """A ModelAdmin whose list cannot be asked for more than it offers.

    Django lets the URL name any lookup on any column of the model, such as a regular expression
    that keeps the server busy for minutes.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Return whether a filter of the list, or a link from another page, makes this lookup."""
        filters = self.list_filter if request is None else self.get_list_filter(request)
        offered = {name for one in filters for name in _lookups_of(one)}
        return lookup in offered.union(*map(_key_lookups, self.opts.concrete_fields))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list. Raises BadFilterError also for what only the server refuses."""
        try:
            with transaction.atomic():
                return super().get_changelist_instance(request)
        except (DisallowedModelAdminLookup, IncorrectLookupParameters) as error:
            raise BadFilterError(str(error)) from error
        except Refusals as error:
            raise BadFilterError(readable(error)) from error

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, or say what in the URL is not understood.

        Django would show the whole list instead: an invitation to act on everything.
        """
        try:
            return super().changelist_view(request, extra_context)
        except BadFilterError as error:
            parts = [NOT_UNDERSTOOD, str(error)]
        return refusal_page(request, parts, status=400, way_out=(request.path, "Open the list"))


def _lookups_of(list_filter: Any) -> list[str]:
    if isinstance(list_filter, type):
        return [*getattr(list_filter, "parameters", ()), getattr(list_filter, "parameter_name", "")]
    field = list_filter if isinstance(list_filter, str) else list_filter[0]
    return [f"{field}__{lookup}" for lookup in FIELD_LOOKUPS]


def _key_lookups(field: Any) -> list[str]:
    if field.primary_key:
        return [f"{field.name}__in"]
    return [f"{field.name}__id__{lookup}" for lookup in KEY_LOOKUPS] if field.is_relation else []
