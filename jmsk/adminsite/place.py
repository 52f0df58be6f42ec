"""The place in a list that a person came from, kept through the pages of an action and back."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

KEPT = "_changelist_filters"
"""Where Django's own pages keep it in their URLs: the list's filters, search, order and page."""
TICKED = "_ticked"
"""In the URL of a list: the rows that were ticked when the person had to log in again."""


def kept_place(request: HttpRequest) -> str:
    """Return the query string of the list that the person came from; empty where it is unknown."""
    kept = request.POST.get(KEPT) or request.GET.get(KEPT) or ""
    return QueryDict(kept).urlencode()


def with_place(request: HttpRequest, query: str) -> str:
    """Return the query string ``query`` with the kept place."""
    kept = kept_place(request)
    return "&".join(part for part in (query, kept and urlencode({KEPT: kept})) if part)


def list_url(request: HttpRequest, options: Any) -> str:
    """Return the URL of the list of a model (its ``_meta``), at the kept place."""
    page = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    kept = kept_place(request)
    return f"{page}?{kept}" if kept else page


def resumed_url(request: HttpRequest) -> str:
    """Return where to go on after a login in the middle of a request, with the rows ticked."""
    ticked = request.POST.getlist("_selected_action")
    if not ticked or request.POST.get("select_across", "0") != "0":
        return request.get_full_path()
    query = request.GET.copy()
    query[TICKED] = ",".join(ticked)
    return f"{request.path}?{query.urlencode()}"


def take_ticked(request: HttpRequest) -> None:
    """Move the ticked rows from the list's URL, where they would be a filter, to the request."""
    if TICKED not in request.GET:
        return
    query = request.GET.copy()
    request.ticked = str(query.pop(TICKED)[-1]).split(",")  # type: ignore[attr-defined]
    request.GET = query  # type: ignore[assignment]
