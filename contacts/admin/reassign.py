"""The page that moves contacts to another company: choose, see what will happen, confirm."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from companies.models import Company
from contacts.models import Contact
from contacts.settling.reassignment import (
    ChangedMeanwhileError,
    Plan,
    first_movers,
    make_plan,
    reassign,
    tenants_of,
)
from jmsk.adminsite.base import DatabaseRulesAdmin, may_view
from jmsk.adminsite.check_rules import rules_for
from jmsk.adminsite.place import kept_place, list_url, with_place
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import LARGEST_KEY, BadSelectionError, Selection
from jmsk.wording import counted

SHOWN_COMPANIES = 20
SHOWN_MOVING = 50
SHOWN_HELD = 200
LIST = "admin:contacts_contact_changelist"
PAGE = "admin:contacts_contact_reassign"


class ChoiceForm(forms.Form):
    """What the page is asked for; everything in it is optional."""

    q = forms.CharField(required=False, max_length=200, label="Search companies")
    company = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
    new_company = forms.CharField(required=False, max_length=255, label="Or create a company")
    without = forms.BooleanField(required=False)
    shown = forms.CharField(required=False, max_length=64)


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


class ReassignMixin(DatabaseRulesAdmin):
    """Adds the action "Reassign to company" and its page."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.reassign_view)
        return [
            path("reassign/", page, name="contacts_contact_reassign"),
            *super().get_urls(),
        ]

    def has_reassign_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may reassign: its own permission, and viewing both ends."""
        return self.may(request, "reassign") and may_view(request, Company)

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
            company = _target(request, choosing)
        except ValidationError as error:
            return self._page(request, choosing, errors=error.messages)
        if company is None:
            return self._page(request, choosing)
        if request.method == "POST":
            return self._confirm(request, choosing, company)
        return self._page(request, choosing, _plan(request, choosing, company))

    def _confirm(self, request: HttpRequest, choosing: Choosing, company: Company) -> HttpResponse:
        plan = _plan(request, choosing, company)
        shown = choosing.asked["shown"]
        if shown != plan.fingerprint:
            return self._page(request, choosing, plan, [CHANGED])
        if plan.held and not choosing.asked["without"]:
            return self._page(request, choosing, plan, [HELD])
        if not plan.moving:
            return self._page(request, choosing, plan, ["There is nothing to move."])
        user: Any = request.user
        rules = rules_for(request, Contact)
        try:
            with in_plain_words():
                reassign(choosing.contacts, company, rules, shown=shown, user_id=user.pk)
        except ChangedMeanwhileError:
            return self._look_again(request, choosing, CHANGED)
        except RefusedError as refusal:
            return self._look_again(request, choosing, f"Nothing was changed. {refusal}")
        messages.success(request, _done(plan))
        return redirect(list_url(request, self.opts))

    def _look_again(self, request: HttpRequest, choosing: Choosing, error: str) -> HttpResponse:
        """Show how it is now, after nothing was done."""
        try:
            company = _target(request, choosing)
        except ValidationError as gone:
            return self._page(request, choosing, errors=[error, *gone.messages])
        plan = None if company is None else _plan(request, choosing, company)
        return self._page(request, choosing, plan, [error])

    def _refuse_several(
        self, request: HttpRequest, selection: Selection, tenants: list[tuple[int, str, int]]
    ) -> HttpResponse:
        links = [
            (f"{name}: {number}", f"{reverse(LIST)}?{_narrowed(selection, tenant)}")
            for tenant, name, number in tenants
        ]
        return self._render(request, {"several": links}, status=400)

    def _page(
        self,
        request: HttpRequest,
        choosing: Choosing,
        plan: Plan | None = None,
        errors: list[str] | None = None,
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
            "companies": found.order_by("name", "pk")[:SHOWN_COMPANIES],
            "companies_found": found.count(),
            "may_create": request.user.has_perm("companies.add_company"),
            "plan": plan,
            "moving": first_movers(plan, SHOWN_MOVING) if plan else (),
            "held": plan.held[:SHOWN_HELD] if plan else (),
            "errors": errors or (),
            "resume": with_place(request, _resumed(choosing)),
        }
        return self._render(request, context, status=400 if errors else 200)

    def _render(self, request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Reassign to company",
            "changelist": list_url(request, self.opts),
            "kept": kept_place(request),
        }
        return TemplateResponse(
            request, "contacts/admin/reassign.html", {**shared, **context}, status=status
        )


CHANGED = (
    "Something has changed since this was shown, so nothing was done. What follows is how it is "
    "now: look at it again."
)
HELD = "Some contacts cannot go. Tick that you go on without them, or put them right first."


def _narrowed(selection: Selection, tenant: int) -> str:
    """Return a query string of the list that shows those selected of one tenant."""
    ids = [("id__in", ",".join(map(str, selection.ids)))] if selection.ids else []
    narrower = urlencode([*ids, ("tenant__id__exact", str(tenant))])
    return f"{selection.filters}&{narrower}" if selection.filters else narrower


def _resumed(choosing: Choosing) -> str:
    """Return the page's query string, to come back to it after a login in between."""
    chosen = [
        (name, choosing.asked[name])
        for name in ("company", "new_company", "q")
        if choosing.asked.get(name)
    ]
    return f"{choosing.selection.query}&{urlencode(chosen)}"


def _target(request: HttpRequest, choosing: Choosing) -> Company | None:
    """Return the chosen company, unsaved if it has to be created, or None if none was chosen.

    Raises ValidationError where it is not one of the tenant's or cannot be created.
    """
    tenant, tenant_name, _ = choosing.tenant
    asked = choosing.asked
    if asked["new_company"]:
        if not request.user.has_perm("companies.add_company"):
            raise PermissionDenied
        company = Company(tenant_id=tenant, name=asked["new_company"])
        company.full_clean(exclude=["created_at", "updated_at"])
        return company
    if asked["company"] is None:
        return None
    found = Company.objects.filter(tenant_id=tenant, pk=asked["company"]).first()
    if found is None:
        raise ValidationError(f"{tenant_name} has no company {asked['company']}.")
    return found


def _plan(request: HttpRequest, choosing: Choosing, company: Company) -> Plan:
    return make_plan(choosing.contacts, company, rules_for(request, Contact))


def _done(plan: Plan) -> str:
    stayed = f" {len(plan.held)} stayed where they are." if plan.held else ""
    moved, along = counted(len(plan.moving), "contact"), counted(plan.orders, "order")
    return f"Reassigned {moved} to {plan.company_name}; {along} moved along.{stayed}"
