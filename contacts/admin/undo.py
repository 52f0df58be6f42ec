"""The page that undoes what somebody did last, or a merge, while nothing else has changed."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from contacts.admin.reassign_progress import ReassignProgressMixin
from contacts.settling.changed import SHOWN, changed_rows
from contacts.settling.models import Action
from contacts.settling.undoing import last_action, seen_actions, undo
from jmsk.adminsite.place import list_url
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from orders.models import Order

PAGE = "admin:contacts_contact_undo"


class UndoMixin(ReassignProgressMixin):
    """Adds the page that undoes an action."""

    def get_urls(self) -> list[URLPattern]:
        last = self.admin_site.admin_view(self.undo_last_view)
        page = self.admin_site.admin_view(self.undo_view)
        return [
            path("undo/", last, name="contacts_contact_undo_last"),
            path("undo/<int:action_id>/", page, name="contacts_contact_undo"),
            *super().get_urls(),
        ]

    def may_do(self, request: HttpRequest, kind: str) -> bool:
        """Return whether the user may do, and so undo, what is of this kind."""
        if kind == Action.Kind.REASSIGN:
            return self.has_reassign_permission(request)
        orders: Any = self.admin_site.get_model_admin(Order)
        return bool(orders.has_link_permission(request))

    def undo_last_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to what the user did last."""
        user: Any = request.user
        last = last_action(user.pk)
        if last is not None:
            return redirect(PAGE, last.pk)
        messages.info(request, "You have done nothing that can be undone, or undone it already.")
        return redirect("admin:index")

    def undo_view(self, request: HttpRequest, action_id: int) -> HttpResponse:
        """Show what would be undone, or which rows have changed since; on confirmation undo it."""
        action = Action.objects.filter(pk=action_id).first()
        if action is None:
            raise Http404("There is nothing of this number that could be undone.")
        if not self._may_undo(request, action):
            raise PermissionDenied
        if action.undone_at is not None:
            messages.info(request, f"This was undone already: {action.told}")
            return redirect("admin:index")
        errors = self._undo(request, action) if request.method == "POST" else []
        if request.method == "POST" and not errors:
            messages.success(request, f"Undone: {action.told}")
            return redirect(_list_of(request, self, action))
        changed = changed_rows(action)
        context = {
            "title": "Undo",
            "action": action,
            "changed": changed[:SHOWN],
            "more": max(0, len(changed) - SHOWN),
            "errors": errors,
        }
        return self.render_page(request, context, 400 if errors else 200, TEMPLATE)

    def _may_undo(self, request: HttpRequest, action: Action) -> bool:
        """Who did it may undo it, and of a merge everybody.

        That person must still be allowed to do it, and see the tenants of all rows that it wrote.
        """
        user: Any = request.user
        own = action.kind == Action.Kind.MERGE or action.user_id == user.pk
        sees = seen_actions(user.pk).filter(pk=action.pk).exists()
        return own and sees and self.may_do(request, action.kind)

    def _undo(self, request: HttpRequest, action: Action) -> list[str]:
        """Undo it; return what stood in the way."""
        user: Any = request.user
        try:
            with in_plain_words():
                undo(action.pk, user_id=user.pk)
        except ValidationError as error:
            return error.messages
        except RefusedError as refusal:
            return [f"Nothing was changed. {refusal}"]
        return []


TEMPLATE = "contacts/admin/undo.html"


def _list_of(request: HttpRequest, contacts: UndoMixin, action: Action) -> str:
    """Return the URL of the list in which the action's rows stand."""
    if action.kind in (Action.Kind.REASSIGN, Action.Kind.MERGE):
        return list_url(request, contacts.opts)
    return reverse("admin:orders_order_changelist")
