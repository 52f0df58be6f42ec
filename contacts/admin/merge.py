"""The page that merges two contacts that are one: choose, see what will happen, confirm."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from companies.models import Company
from contacts.admin.undo import UndoMixin
from contacts.models import Contact
from contacts.settling.merging import Merge, merge, merges_of, offered, plan_merge
from contacts.settling.models import Action
from contacts.settling.undoing import undoable
from jmsk.adminsite.base import may_view
from jmsk.adminsite.check_rules import rules_for
from jmsk.adminsite.place import list_url
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import LARGEST_KEY, BadSelectionError, Selection

PAGE = "admin:contacts_contact_merge"
TEMPLATE = "contacts/admin/merge.html"
TWO = "Choose two contacts of one tenant to merge."


class MergeForm(forms.Form):
    """Which of the two stays, and with what."""

    keep = forms.IntegerField(required=False, min_value=1, max_value=LARGEST_KEY)
    name = forms.CharField(required=False, strip=False)
    email = forms.CharField(required=False, strip=False)
    phone = forms.CharField(required=False, strip=False)
    shown = forms.CharField(required=False, max_length=64)

    @property
    def chosen(self) -> dict[str, str]:
        return {field: self.cleaned_data[field] for field in ("name", "email", "phone")}


class MergeMixin(UndoMixin):
    """Adds the action "Merge two that are one", its page, and its undoing to the history."""

    object_history_template = "contacts/admin/object_history.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.merge_view)
        return [path("merge/", page, name="contacts_contact_merge"), *super().get_urls()]

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may do all that a merge does: change, delete, and link orders."""
        return (
            self.has_change_permission(request)
            and self.has_delete_permission(request)
            and may_view(request, Company)
            and self.may_do(request, Action.Kind.LINK)
        )

    @admin.action(description="Merge two that are one…", permissions=["merge"])
    def merge_contacts(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Lead to the page; nothing happens yet."""
        try:
            selection = Selection.from_action(request)
        except BadSelectionError:
            selection = Selection()
        if len(selection.ids) != 2:
            messages.error(request, TWO)
            return redirect(request.get_full_path())
        return redirect(selection.page(request, PAGE))

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """Show the two and what merging them would do; on confirmation do it."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        form = MergeForm(asked)
        try:
            selection = Selection.from_query(asked)
            rows = selection.rows(request, self).select_related("company", "tenant")
            both = list(rows.annotate(number_of_orders=Count("orders"))[:3])
        except BadSelectionError:
            both = []
        if len(both) != 2 or not form.is_valid():
            messages.error(request, TWO)
            return redirect(list_url(request, self.opts))
        kept, gone = sorted(both, key=lambda one: one.pk != form.cleaned_data["keep"])
        errors = self._merge(request, kept, gone, form) if request.method == "POST" else []
        if request.method == "POST" and not errors:
            return redirect(list_url(request, self.opts))
        return self._merge_page(request, selection, both, (kept, gone), form, errors)

    def _merge(
        self, request: HttpRequest, kept: Contact, gone: Contact, form: MergeForm
    ) -> list[str]:
        """Merge the two; return what stood in the way."""
        user: Any = request.user
        try:
            with in_plain_words():
                told = merge(
                    kept.pk,
                    gone.pk,
                    form.chosen,
                    rules_for(request, Contact),
                    shown=form.cleaned_data["shown"],
                    user_id=user.pk,
                )
        except ValidationError as error:
            return error.messages
        except RefusedError as refusal:
            return [f"Nothing was changed. {refusal}"]
        messages.success(request, undoable(told))
        return []

    def _merge_page(
        self,
        request: HttpRequest,
        selection: Selection,
        both: list[Any],
        roles: tuple[Contact, Contact],
        form: MergeForm,
        errors: list[str],
    ) -> HttpResponse:
        planned: Merge | None = None
        try:
            planned = plan_merge(*roles, form.chosen)
        except ValidationError as error:
            errors = [*errors, *(one for one in error.messages if one not in errors)]
        context = {
            "title": "Merge two contacts",
            "selection": selection,
            "both": both,
            "stays": roles[0],
            "offered": offered(*roles),
            "planned": planned,
            "asked": bool(form.cleaned_data["keep"]),
            "errors": errors,
        }
        return self.render_page(request, context, 400 if errors else 200, TEMPLATE)

    def may_do(self, request: HttpRequest, kind: str) -> bool:
        """Return whether the user may do, and so undo, what is of this kind."""
        if kind == Action.Kind.MERGE:
            return self.has_merge_permission(request)
        return super().may_do(request, kind)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Show the history, with the merges that can be undone from here."""
        contact = self.get_object(request, object_id)
        merges: Any = ()
        if contact is not None and self.has_merge_permission(request):
            user: Any = request.user
            merges = merges_of(contact, user.pk)
        context = {"merges": merges, **(extra_context or {})}
        return super().history_view(request, object_id, context)
