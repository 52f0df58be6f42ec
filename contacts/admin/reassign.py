"""The page that moves contacts to another company: choose, see what will happen, confirm."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from companies.models import Company
from contacts.admin.reassign_choice import ChoiceForm, Choosing, narrowed, resumed, target_of
from contacts.admin.reassign_progress import ReassignProgressMixin, progress_url
from contacts.models import Contact
from contacts.settling.bulk import DONE, Asked, record, start, tell
from contacts.settling.models import Action
from contacts.settling.reassignment import (
    ChangedMeanwhileError,
    Plan,
    first_movers,
    make_plan,
    reassign,
    tenants_of,
)
from contacts.settling.recording import recording
from contacts.settling.undoing import undoable
from jmsk.adminsite.check_rules import rules_for
from jmsk.adminsite.place import list_url, with_place
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import BadSelectionError, Selection

SHOWN_COMPANIES = 20
SHOWN_MOVING = 50
SHOWN_HELD = 200
LIST = "admin:contacts_contact_changelist"
PAGE = "admin:contacts_contact_reassign"
TEMPLATE = "contacts/admin/reassign.html"
MOVED_WHILE_THE_PAGE_WAITS = 2000
"""So many take no time to speak of; more are moved in the background."""


class ReassignMixin(ReassignProgressMixin):
    """Adds the action "Reassign to company" and its page."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.reassign_view)
        return [
            path("reassign/", page, name="contacts_contact_reassign"),
            *super().get_urls(),
        ]

    @admin.action(description="Reassign to company…", permissions=["reassign"])
    def reassign_to_company(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Lead to the page; nothing happens yet."""
        try:
            selection = Selection.from_action(request)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        return redirect(selection.page(request, PAGE))

    def reassign_view(self, request: HttpRequest) -> HttpResponse:
        """Show what will happen; on confirmation, check all of it again and do it."""
        if not self.has_reassign_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        form = ChoiceForm(asked)
        if request.method == "POST" and form.is_valid():
            known = self.known(request, form.cleaned_data)
            if known is not None:
                return known
        try:
            selection = Selection.from_query(asked)
            contacts = selection.rows(request, self)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(list_url(request, self.opts))
        if not form.is_valid():
            messages.error(request, "The company is not understood. Choose one from the list.")
            return redirect(f"{request.path}?{with_place(request, selection.query)}")
        tenants = tenants_of(contacts)
        if not tenants:
            messages.warning(request, "No contacts are selected any more.")
            return redirect(list_url(request, self.opts))
        if len(tenants) > 1:
            return self._refuse_several(request, selection, tenants)
        return self._choose(request, Choosing(selection, contacts, tenants[0], form))

    def _choose(self, request: HttpRequest, choosing: Choosing) -> HttpResponse:
        try:
            company = target_of(request, choosing)
        except ValidationError as error:
            alike = getattr(error, "alike", ())
            return self._page(request, choosing, errors=error.messages, alike=alike)
        if company is None:
            return self._page(request, choosing)
        if request.method == "POST":
            return self._confirm(request, choosing, company)
        return self._page(request, choosing, _plan(request, choosing, company))

    def _confirm(self, request: HttpRequest, choosing: Choosing, company: Company) -> HttpResponse:
        asked = choosing.asked
        user: Any = request.user
        if choosing.tenant[2] > MOVED_WHILE_THE_PAGE_WAITS:
            work = partial(_reassign, request, choosing, company)
            start(work, Asked(asked["shown"], user.pk, choosing.tenant[0]))
            return redirect(progress_url(request, asked["shown"], choosing.tenant[2]))
        plan = _plan(request, choosing, company)
        objection = _objection(plan, asked)
        if objection is not None:
            return self._page(request, choosing, plan, [objection])
        try:
            with in_plain_words():
                done = tell(_reassign(request, choosing, company))
                record(Asked(plan.fingerprint, user.pk, plan.tenant), DONE, done)
        except ChangedMeanwhileError:
            known = self.known(request, asked)
            return known or self._look_again(request, choosing, CHANGED)
        except RefusedError as refusal:
            return self._look_again(request, choosing, f"Nothing was changed. {refusal}")
        messages.success(request, undoable(done))
        return redirect(list_url(request, self.opts))

    def _look_again(self, request: HttpRequest, choosing: Choosing, error: str) -> HttpResponse:
        """Show how it is now, after nothing was done."""
        try:
            company = target_of(request, choosing)
        except ValidationError as gone:
            return self._page(request, choosing, errors=[error, *gone.messages])
        plan = None if company is None else _plan(request, choosing, company)
        return self._page(request, choosing, plan, [error])

    def _refuse_several(
        self, request: HttpRequest, selection: Selection, tenants: list[tuple[int, str, int]]
    ) -> HttpResponse:
        links = [
            (f"{name}: {number:,}", f"{reverse(LIST)}?{narrowed(selection, tenant)}")
            for tenant, name, number in tenants
        ]
        return self.render_page(request, {"several": links}, status=400, template=TEMPLATE)

    def _page(
        self,
        request: HttpRequest,
        choosing: Choosing,
        plan: Plan | None = None,
        errors: list[str] | None = None,
        alike: Sequence[Company] = (),
    ) -> HttpResponse:
        tenant, tenant_name, number = choosing.tenant
        asked = choosing.asked
        found = Company.objects.filter(tenant_id=tenant)
        if asked["q"]:
            found = found.filter(name__icontains=asked["q"])
        context = {
            "selection": choosing.selection,
            "tenant": tenant_name,
            "number": number,
            "asked": asked,
            "alike": alike,
            "companies": found.order_by("name", "pk")[:SHOWN_COMPANIES],
            "companies_found": found.count(),
            "may_create": request.user.has_perm("companies.add_company"),
            "plan": plan,
            "moving": first_movers(plan, SHOWN_MOVING) if plan else (),
            "held": plan.held[:SHOWN_HELD] if plan else (),
            "errors": errors or (),
            "since": timezone.now().isoformat(),
            "resume": with_place(request, resumed(choosing)),
        }
        return self.render_page(request, context, status=400 if errors else 200, template=TEMPLATE)


CHANGED = (
    "Something has changed since this was shown, so nothing was done. What follows is how it is "
    "now: look at it again."
)
HELD = "Some contacts cannot go. Tick that you go on without them, or put them right first."


def _objection(plan: Plan, asked: dict[str, Any]) -> str | None:
    """Return why what was confirmed cannot be done, or None."""
    if asked["shown"] != plan.fingerprint:
        return CHANGED
    if plan.held and not asked["without"]:
        return HELD
    return None if plan.moving else "There is nothing to move."


def _plan(request: HttpRequest, choosing: Choosing, company: Company) -> Plan:
    return make_plan(choosing.contacts, company, rules_for(request, Contact))


def _reassign(
    request: HttpRequest,
    choosing: Choosing,
    company: Company,
    progress: Callable[[int], None] = lambda number: None,
) -> Plan:
    """Do what was shown. Raises ValidationError where some are held back and nobody agreed."""
    user: Any = request.user
    asked = choosing.asked
    with recording(Action.Kind.REASSIGN, user.pk) as record:
        plan = reassign(
            choosing.contacts,
            company,
            rules_for(request, Contact),
            shown=asked["shown"],
            user_id=user.pk,
            record=record,
            progress=progress,
        )
        if plan.held and not asked["without"]:
            raise ValidationError(HELD)
        record.end(tell(plan))
    return plan
