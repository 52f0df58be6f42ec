"""How far a reassignment of very many contacts is, and what became of it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode

from companies.models import Company
from contacts.settling.bulk import Outcome, moved_so_far, outcome_of
from contacts.settling.undoing import undoable
from jmsk.access.tenants import sees
from jmsk.adminsite.base import DatabaseRulesAdmin, may_view
from jmsk.adminsite.place import kept_place, list_url, with_place

LACKS_COMPANIES = (
    "You may reassign contacts, but not view companies, and that takes both. Whoever administers "
    "the users can give you the permission to view companies."
)
PROGRESS = "admin:contacts_contact_reassign_progress"
STARTS_WITHIN = timedelta(seconds=30)
BROKEN_OFF = (
    "The reassignment was broken off before its end, so nothing was changed. Choose again to try "
    "again."
)


class ProgressForm(forms.Form):
    """Which reassignment, of how many contacts, and since when it is followed."""

    shown = forms.CharField(max_length=64)
    since = forms.DateTimeField()
    number = forms.IntegerField(required=False, min_value=0)


class ReassignProgressMixin(DatabaseRulesAdmin):
    """Adds the page that shows a reassignment in progress."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.progress_view)
        name = "contacts_contact_reassign_progress"
        return [path("reassign/progress/", page, name=name), *super().get_urls()]

    def has_reassign_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may reassign: its own permission, and viewing both ends."""
        return self.may(request, "reassign") and may_view(request, Company)

    def lacking(self, request: HttpRequest) -> list[str]:
        useless = self.may(request, "reassign") and not may_view(request, Company)
        return [*super().lacking(request), *([LACKS_COMPANIES] if useless else [])]

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """Show how far a reassignment is; lead back to the list when it has ended."""
        if not self.has_reassign_permission(request):
            raise PermissionDenied
        form = ProgressForm(request.GET)
        if not form.is_valid():
            return redirect(list_url(request, self.opts))
        asked = form.cleaned_data
        ended = outcome_of(asked["shown"], asked["since"])
        if ended is not None and not sees(request, ended.tenant):
            raise PermissionDenied
        if ended is not None:
            user: Any = request.user
            own = ended.done and ended.who == user.pk
            told = undoable(ended.told) if own else ended.told
            (messages.success if ended.done else messages.error)(request, told)
            return redirect(list_url(request, self.opts))
        moved = moved_so_far(asked["shown"])
        if moved is None and timezone.now() - asked["since"] > STARTS_WITHIN:
            messages.error(request, BROKEN_OFF)
            return redirect(list_url(request, self.opts))
        number = asked["number"] or 0
        context = {"moved": moved or 0, "number": number, "title": "Reassigning contacts"}
        return self.render_page(request, context, 200, "contacts/admin/reassign_progress.html")

    def known(self, request: HttpRequest, asked: dict[str, Any]) -> HttpResponse | None:
        """Return what to answer where this is running, or done, since it was shown."""
        ended = outcome_of(asked["shown"], asked["since"])
        if ended is not None and ended.done and sees(request, ended.tenant):
            messages.success(request, _already(request, ended))
            return redirect(list_url(request, self.opts))
        if moved_so_far(asked["shown"]) is None:
            return None
        return redirect(progress_url(request, asked["shown"]))

    def render_page(
        self, request: HttpRequest, context: dict[str, Any], status: int, template: str
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Reassign to company",
            "changelist": list_url(request, self.opts),
            "kept": kept_place(request),
        }
        return TemplateResponse(request, template, {**shared, **context}, status=status)


def progress_url(request: HttpRequest, shown: str, number: int = 0) -> str:
    """Return where to follow a reassignment of ``number`` contacts from now on."""
    query: dict[str, str | int] = {
        "shown": shown,
        "since": timezone.now().isoformat(),
        "number": number,
    }
    return f"{reverse(PROGRESS)}?{with_place(request, urlencode(query))}"


def _already(request: HttpRequest, ended: Outcome) -> str:
    user: Any = request.user
    who = "you" if ended.who == user.pk else "somebody else"
    return f"Already done by {who} at {ended.at:%H:%M} UTC: {ended.told}"
