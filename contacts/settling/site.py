"""The admin's site: its index opens with what is left to settle."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string

from contacts.restructuring.bridge.description import read_bridge
from jmsk.adminsite.stage import prepared, restructured

NOT_MIGRATED = (
    "The database is not migrated yet: its customers have not become contacts. Run "
    "'manage.py migrate_contacts --dry-run' to see what the migration would do."
)
SEES_THE_BRIDGE = (
    "The search path of the admin's role leads to the legacy application's bridge instead of the "
    "tables. Add ?options=-csearch_path%3Dpublic (the tables' schema) to DATABASE_URL."
)


class SettlementSite(admin.AdminSite):
    """Django's admin, which also stands its ground before the database is migrated."""

    site_header = "Contacts, companies and orders"
    site_title = "Contacts"
    index_title = "Administration"
    index_template = "contacts/admin/index.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the dashboard above the list of models."""
        from contacts.settling.dashboard import dashboard

        found: dict[str, Any] = {"not_migrated": _why_not()}
        if restructured(request):
            found = {"dashboard": dashboard(request)}
        return super().index(request, {**found, **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say so where nobody can log in because the users' table is missing."""
        if not prepared(request):
            return _unprepared()
        return super().login(request, extra_context)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Lead back to the index, with the reason, from pages whose tables are missing."""
        checked = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not prepared(request):
                return _unprepared()
            try:
                return checked(request, *args, **kwargs)
            except PermissionDenied:
                if restructured(request):
                    raise
            messages.warning(request, _why_not())
            return redirect(f"{self.name}:index")

        return guarded


def _why_not() -> str:
    """Say why the restructured tables are not found."""
    with connection.cursor() as cursor:
        return SEES_THE_BRIDGE if read_bridge(cursor) else NOT_MIGRATED


def _unprepared() -> HttpResponse:
    # Without the request: its context would look for a session and a user.
    page = render_to_string("contacts/admin/unprepared.html", {"not_migrated": NOT_MIGRATED})
    return HttpResponse(page, status=503)
