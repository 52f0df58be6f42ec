"""The page that proposes a company for each contact that the migration placed."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from contacts.admin.reassign_progress import ReassignProgressMixin
from contacts.models import Contact
from contacts.settling.attention import STILL_PLACED
from contacts.settling.proposals import Acceptance, accept, propose
from contacts.settling.reassignment import ChangedMeanwhileError
from contacts.settling.undoing import undoable
from jmsk.adminsite.check_rules import rules_for
from jmsk.adminsite.place import list_url, with_place
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import BadSelectionError, Selection, is_key
from jmsk.wording import counted

AT_ONCE = 200
"""Contacts that are looked at for one page; those without a proposal are passed over."""
NOT_UNDERSTOOD = "A choice was not understood. Nothing was changed."


class ProposeMixin(ReassignProgressMixin):
    """Adds the action "Propose companies" and its page."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.propose_view)
        return [path("propose/", page, name="contacts_contact_propose"), *super().get_urls()]

    @admin.action(description="Propose companies…", permissions=["reassign"])
    def propose_companies(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Lead to the page; nothing happens yet."""
        try:
            selection = Selection.from_action(request)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        return redirect(selection.page(request, "admin:contacts_contact_propose"))

    def propose_view(self, request: HttpRequest) -> HttpResponse:
        """Propose companies for some contacts at a time; move those that were accepted."""
        if not self.has_reassign_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        try:
            selection = Selection.from_query(asked)
            placed = selection.rows(request, self).filter(STILL_PLACED)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(list_url(request, self.opts))
        after = _number(asked.get("after", "0")) or 0
        errors = self._accept(request) if request.method == "POST" else []
        if request.method == "POST" and not errors:
            query = with_place(request, f"{selection.query}&after={after}")
            return redirect(f"{request.path}?{query}")
        return self._propose_page(request, selection, placed, after, errors)

    def _accept(self, request: HttpRequest) -> list[str]:
        """Move what was accepted; return what stood in the way."""
        user: Any = request.user
        try:
            accepted = list(_accepted(request))
            if not accepted:
                return ["Nothing was chosen."]
            with in_plain_words():
                number = accept(accepted, rules_for(request, Contact), user.pk)
        except ValidationError as error:
            return error.messages
        except ChangedMeanwhileError:
            return ["Somebody else moved these contacts meanwhile. Nothing was changed."]
        except RefusedError as refusal:
            return [f"Nothing was changed. {refusal}"]
        messages.success(request, undoable(f"Reassigned {counted(number, 'contact')}."))
        return []

    def _propose_page(
        self,
        request: HttpRequest,
        selection: Selection,
        placed: QuerySet[Contact],
        after: int,
        errors: list[str],
    ) -> HttpResponse:
        rest = placed.filter(pk__gt=after).select_related("tenant", "company")
        looked_at = list(rest[:AT_ONCE])
        found = propose(looked_at)
        last = looked_at[-1].pk if looked_at else 0
        context = {
            "title": "Propose companies",
            "selection": selection,
            "proposed": [(one, found[one.pk]) for one in looked_at if one.pk in found],
            "best": request.method == "GET" and request.GET.get("tick") == "best",
            "looked_at": len(looked_at),
            "after": after,
            "resume": with_place(request, f"{selection.query}&after={after}"),
            "next": with_place(request, f"{selection.query}&after={last}"),
            "further": rest.filter(pk__gt=last).exists(),
            "errors": errors,
        }
        status = 400 if errors else 200
        return self.render_page(request, context, status, "contacts/admin/propose.html")


def _accepted(request: HttpRequest) -> Iterator[Acceptance]:
    """Yield what was accepted. Raises ValidationError where something is no such thing."""
    for name, value in request.POST.items():
        if not name.startswith("contact_") or not value:
            continue
        numbers = [
            _number(part) for part in [name.removeprefix("contact_"), *str(value).split(":")]
        ]
        if len(numbers) != 3 or None in numbers:
            raise ValidationError(NOT_UNDERSTOOD)
        contact, placed_in, company = (number or 0 for number in numbers)
        yield Acceptance(contact, placed_in, company)


def _number(text: str) -> int | None:
    return int(text) if is_key(text) else None
