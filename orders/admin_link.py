"""The page on which a person links orders without a contact."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from contacts.models import Contact
from contacts.settling.undoing import undoable
from jmsk.adminsite.base import DatabaseRulesAdmin, may_view
from jmsk.adminsite.place import kept_place, list_url, with_place
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import LARGEST_KEY, BadSelectionError, Selection
from orders.decisions import decide
from orders.link_choices import choices_of, chosen_of
from orders.linking import SHOWN, WITHOUT_CONTACT
from orders.models import Order

LACKS_CONTACTS = (
    "You may link orders, but not view contacts, and that takes both. Whoever administers the "
    "users can give you the permission to view contacts."
)
AT_ONCE = 50
SEARCH = "search"
"""The button that searches for other contacts and links nothing."""
LIST = "admin:orders_order_changelist"


class PlaceForm(forms.Form):
    """How far a person has come in a long selection: the last order that they saw."""

    after = forms.IntegerField(min_value=0, max_value=LARGEST_KEY)

    @classmethod
    def read(cls, asked: Any) -> int:
        form = cls(asked)
        return int(form.cleaned_data["after"]) if form.is_valid() else 0


class LinkMixin(DatabaseRulesAdmin):
    """Adds the action "Link to a contact" and its page."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.link_view)
        return [path("link/", page, name="orders_order_link"), *super().get_urls()]

    def has_link_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may link: its own permission, and viewing both ends."""
        return self.may(request, "link") and may_view(request, Contact)

    def may_make_contacts(self, request: HttpRequest) -> bool:
        """Return whether the user may add contacts on the way, as the contacts' own form lets."""
        contacts: Any = self.admin_site.get_model_admin(Contact)
        return bool(contacts.has_add_permission(request))

    def lacking(self, request: HttpRequest) -> list[str]:
        useless = self.may(request, "link") and not may_view(request, Contact)
        return [*super().lacking(request), *([LACKS_CONTACTS] if useless else [])]

    @admin.action(description="Link to a contact…", permissions=["link"])
    def link_to_contact(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Lead to the page; nothing happens yet."""
        try:
            selection = Selection.from_action(request)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        return redirect(selection.page(request, "admin:orders_order_link"))

    def link_view(self, request: HttpRequest) -> HttpResponse:
        """Propose contacts for some orders at a time; on confirmation link what was chosen."""
        if not self.has_link_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        try:
            selection = Selection.from_query(asked)
            left = selection.rows(request, self).filter(WITHOUT_CONTACT)
        except BadSelectionError as error:
            messages.error(request, str(error))
            return redirect(LIST)
        errors: list[str] = []
        after = PlaceForm.read(asked)
        searching = SEARCH in asked
        if request.method == "POST" and not searching:
            errors = self._link(request)
            if not errors:
                query = with_place(request, f"{selection.query}&after={after}")
                return redirect(f"{request.path}?{query}")
        if not errors and not left.exists():
            messages.info(request, "Each of the selected orders has a contact, or wants none.")
            return redirect(list_url(request, self.opts))
        return self._link_page(request, selection, left, after, errors)

    def _link(self, request: HttpRequest) -> list[str]:
        """Link what was chosen; return what stood in the way."""
        user: Any = request.user
        try:
            chosen = chosen_of(request.POST)
            if not chosen.number:
                return ["Nothing was chosen."]
            if chosen.new and not self.may_make_contacts(request):
                raise PermissionDenied
            if self.get_queryset(request).filter(pk__in=chosen.orders).count() < chosen.number:
                return ["An order is gone, or was named twice. Nothing was changed. Look again."]
            with in_plain_words():
                done = decide(chosen, user_id=user.pk)
        except ValidationError as error:
            return error.messages
        except RefusedError as refusal:
            return [str(refusal)]
        messages.success(request, undoable(done))
        return []

    def _link_page(
        self,
        request: HttpRequest,
        selection: Selection,
        left: QuerySet,
        after: int,
        errors: list[str],
    ) -> HttpResponse:
        rest = left.filter(pk__gt=after)
        orders = _first(rest)
        if not orders:  # They have been seen to the end: begin again.
            after, rest, orders = 0, left, _first(left)
        choices = choices_of(orders, request.POST if request.method == "POST" else request.GET)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Link orders to contacts",
            "selection": selection,
            "changelist": list_url(request, self.opts),
            "kept": kept_place(request),
            "resume": with_place(request, f"{selection.query}&after={after}"),
            "number": left.count(),
            "after": after,
            "further": len(orders) < rest.count(),
            "choices": choices,
            "last": orders[-1].pk if orders else 0,
            "first": SHOWN,
            "may_make": self.may_make_contacts(request),
            "errors": errors,
        }
        status = 400 if errors else 200
        return TemplateResponse(request, "orders/admin/link.html", context, status=status)


def _first(rows: QuerySet[Order]) -> list[Order]:
    return list(rows.select_related("tenant", "company")[:AT_ONCE])
