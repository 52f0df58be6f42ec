"""Pages that say, in the admin's own look, why something cannot be shown or done."""

from collections.abc import Iterable

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

TITLES = {
    400: "This page is not understood",
    403: "You may not do this",
    404: "There is no such page",
    503: "This cannot be shown now",
}


def refusal_page(
    request: HttpRequest,
    parts: Iterable[str],
    status: int,
    way_out: tuple[str, str] | None = None,
) -> HttpResponse:
    """Return a page with the paragraphs ``parts`` under the title of ``status``, and a way home.

    ``way_out``: the URL and the text of a link to what the person may have wanted.
    """
    context = {
        **admin.site.each_context(request),
        "title": TITLES[status],
        "parts": [part for part in parts if part],
        "way_out": way_out,
    }
    return render(request, "admin/refusal.html", context, status=status)
