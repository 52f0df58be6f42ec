"""A selection of rows that a URL can carry: some ids, or everything that a list's filters show.

Fifty thousand ids do not fit a form. So an action hands on the list's own query string, and the
page behind it asks the list again.
"""

from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from jmsk.adminsite.offered_filters import BadFilterError
from jmsk.adminsite.place import KEPT

IDS = "ids"
FILTERS = "filters"
LARGEST_KEY = 2**31 - 1


def is_key(text: str) -> bool:
    """Return whether a row of these tables may have this key."""
    digits = len(str(LARGEST_KEY))
    return text.isdecimal() and len(text) <= digits and 0 < int(text) <= LARGEST_KEY


class BadSelectionError(ValueError):
    """The URL names no rows that a list could show."""


@dataclass(frozen=True)
class Selection:
    """``ids``, or everything that ``filters`` (a list's query string) shows."""

    ids: tuple[int, ...] = ()
    filters: str = ""

    @classmethod
    def from_action(cls, request: HttpRequest) -> "Selection":
        """Read what was ticked in a list: some rows, or all across its pages."""
        filters = request.GET.copy()
        filters.pop(PAGE_VAR, None)
        if request.POST.get("select_across", "0") != "0":
            return cls(filters=filters.urlencode())
        return cls(ids=_numbers(request.POST.getlist("_selected_action")))

    @classmethod
    def from_query(cls, query: QueryDict) -> "Selection":
        """Read what :meth:`query` wrote. Raises BadSelectionError."""
        if IDS in query:
            return cls(ids=_numbers(str(query[IDS]).split(",")))
        if FILTERS not in query:
            raise BadSelectionError("Nothing was selected.")
        return cls(filters=str(query[FILTERS]))

    def page(self, request: HttpRequest, name: str) -> str:
        """Return the URL of an action's page for these rows, from the list at its place."""
        place = f"&{urlencode({KEPT: request.GET.urlencode()})}" if request.GET else ""
        return f"{reverse(name)}?{self.query}{place}"

    @property
    def query(self) -> str:
        """The selection as a query string."""
        if self.ids:
            return urlencode({IDS: ",".join(map(str, self.ids))})
        return urlencode({FILTERS: self.filters})

    def rows(self, request: HttpRequest, model_admin: Any) -> QuerySet:
        """Return the rows, as the list shows them to this user now, without the list's columns.

        Raises BadSelectionError where a filter means nothing, PermissionDenied where the user may
        not view the list.
        """
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        shown = self._shown(request, model_admin)
        plain: QuerySet = model_admin.model._default_manager.all()
        return plain.filter(pk__in=shown.order_by().values("pk")).order_by("pk")

    def _shown(self, request: HttpRequest, model_admin: Any) -> Any:
        if self.ids:
            return model_admin.get_queryset(request).filter(pk__in=self.ids)
        asking: Any = copy(request)
        asking.GET = QueryDict(self.filters)
        try:
            return model_admin.get_changelist_instance(asking).get_queryset(asking)
        except BadFilterError as error:
            raise BadSelectionError("The list's filter was not understood.") from error


def _numbers(texts: list[str]) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(text) for text in texts}))
    except ValueError as error:
        raise BadSelectionError("The selection was not understood.") from error
    if not numbers or numbers[0] < 1 or numbers[-1] > LARGEST_KEY:
        raise BadSelectionError("Nothing was selected.")
    return numbers
