"""The admin's site: its index opens with what is left to settle."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from psycopg2.errors import UndefinedColumn

from contacts.restructuring.bridge.description import read_bridge
from jmsk.adminsite.autocomplete import ToldAutocompleteView
from jmsk.adminsite.pages import refusal_page
from jmsk.adminsite.place import resumed_url
from jmsk.adminsite.stage import lacks_own, prepared, restructured
from jmsk.adminsite.time_limit import limit_statements, took_too_long
from orders.snapshot import snapshot_gone

NOT_MIGRATED = (
    "The database is not migrated yet: its customers have not become contacts. Run "
    "'manage.py migrate_contacts --dry-run' to see what the migration would do."
)
LACKS_OWN = (
    "The database was migrated by an earlier version and lacks tables of this one. Run 'manage.py "
    "migrate': it adds them, and changes nothing else."
)
SEES_THE_BRIDGE = (
    "The search path of the admin's role leads to the legacy application's bridge instead of the "
    "tables. Add ?options=-csearch_path%3Dpublic (the tables' schema) to DATABASE_URL."
)

TOO_LONG = (
    "The database took longer than a page may take, so it was broken off and nothing was changed. "
    "Ask for less at once, by a filter or a longer search text, or try again when the database has "
    "less to do."
)

MAY_NOT = (
    "Your permissions do not allow this. Whoever administers the users can give them: ask there, "
    "and say which page you wanted."
)
OUTLIVED = (
    "This form was opened before you logged in, or your browser keeps no cookies, so nothing was "
    "changed. Go back, load the page again and send it from there."
)


class SettlementSite(admin.AdminSite):
    """Django's admin, which also stands its ground before the database is migrated."""

    site_header = "Contacts, companies and orders"
    site_title = "Contacts"
    index_title = "Administration"
    # The lists need its room, and the first page, one click away, says the same.
    enable_nav_sidebar = False
    index_template = "contacts/admin/index.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the dashboard above the list of models."""
        from contacts.settling.dashboard import dashboard

        found: dict[str, Any] = {"not_migrated": _why_not(request)}
        if restructured(request):
            found = {"dashboard": dashboard(request)}
        return super().index(request, {**found, **(extra_context or {})})

    def get_log_entries(self, request: HttpRequest) -> Any:
        """Return what the index tells of the user's own actions."""
        from contacts.settling.history import seen_entries

        return seen_entries(request, super().get_log_entries(request))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say so where nobody can log in because the users' table is missing."""
        if not prepared(request):
            return _unprepared(request)
        return super().login(request, extra_context)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Lead back to the index, with the reason, from pages whose tables are missing."""
        checked = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not prepared(request):
                return _unprepared(request)
            if "_selected_action" in request.POST and not self.has_permission(request):
                return redirect_to_login(resumed_url(request), reverse(f"{self.name}:login"))
            limit_statements()
            try:
                with transaction.atomic():
                    return _rendered(checked(request, *args, **kwargs))
            except (Http404, OperationalError, PermissionDenied, ProgrammingError) as error:
                return self._refused(request, error)

        return guarded

    def autocomplete_view(self, request: HttpRequest) -> Any:
        """Answer what is typed into a field that names another row."""
        return ToldAutocompleteView.as_view(admin_site=self)(request)

    def _refused(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Say why in words; raise what is not a refusal but a failure."""
        if isinstance(error, Http404):
            return refusal_page(request, [str(error)], status=404)
        if isinstance(error, ProgrammingError):
            gone = _snapshot_gone()
            if not gone or not isinstance(error.__cause__, UndefinedColumn):
                raise error
            return refusal_page(request, [f"{gone}; or look at orders in that program."], 503)
        if isinstance(error, OperationalError):
            if not took_too_long(error):
                raise error
            return refusal_page(request, [TOO_LONG], status=503)
        if restructured(request):
            return refusal_page(request, [MAY_NOT, str(error)], status=403)
        messages.warning(request, _why_not(request))
        return redirect(f"{self.name}:index")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form has outlived the session in which it was opened."""
    if not prepared(request):
        return _unprepared(request)
    return refusal_page(request, [OUTLIVED], status=403)


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Return the response with its text: what the template reads belongs to the transaction."""
    return response.render() if isinstance(response, SimpleTemplateResponse) else response


def _why_not(request: HttpRequest) -> str:
    """Say why the restructured tables, or those to settle with, are not found."""
    if lacks_own(request):
        return LACKS_OWN
    with connection.cursor() as cursor:
        return SEES_THE_BRIDGE if read_bridge(cursor) else NOT_MIGRATED


def _snapshot_gone() -> str:
    """Say which columns another program has dropped of orders; '' for none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(array_agg(attname::text), '{}') FROM pg_attribute "
            "WHERE attrelid = to_regclass('orders') AND attnum > 0 AND NOT attisdropped"
        )
        return snapshot_gone(cursor.fetchone()[0])


def _unprepared(request: HttpRequest) -> HttpResponse:
    # Rendered without the request: its context would look for a session and a user.
    found = {"not_migrated": NOT_MIGRATED, "older": lacks_own(request) and LACKS_OWN}
    page = render_to_string("contacts/admin/unprepared.html", found)
    return HttpResponse(page, status=503)
