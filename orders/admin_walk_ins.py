"""Orders of walk-ins: a person says that they need no contact, and may think better of it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from contacts.settling.undoing import undoable
from jmsk.wording import counted
from orders.admin_link import LinkMixin
from orders.decisions import want_none, want_one_again
from orders.linking import NO_CONTACT_WANTED, WITHOUT_CONTACT


class WalkInMixin(LinkMixin):
    """Adds the actions that mark orders as wanting no contact, and take the mark off again."""

    @admin.action(description="Mark: no contact wanted", permissions=["link"])
    def mark_as_wanting_none(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Mark those that have no contact. They leave what is left to settle."""
        keys = self._keys(request, queryset, WITHOUT_CONTACT)
        user: Any = request.user
        try:
            told = want_none(keys, user_id=user.pk) if keys else ""
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return
        if told:
            messages.success(request, undoable(told))
            return
        messages.warning(request, "All of these have a contact, or are marked already.")

    @admin.action(description="Mark: a contact is wanted again", permissions=["link"])
    def mark_as_wanting_one(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Take the mark off."""
        user: Any = request.user
        keys = self._keys(request, queryset, NO_CONTACT_WANTED)
        number = want_one_again(keys, user_id=user.pk)
        messages.success(request, f"Of {counted(number, 'order')} a contact is wanted again.")

    def _keys(self, request: HttpRequest, queryset: QuerySet, condition: Any) -> list[int]:
        if not self.has_link_permission(request):
            raise PermissionDenied
        return list(queryset.order_by().filter(condition).values_list("pk", flat=True))
