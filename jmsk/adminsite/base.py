"""A ModelAdmin for tables whose rules live in the database."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from jmsk.access.tenants import seen_in
from jmsk.adminsite.autocomplete import AutocompleteMixin
from jmsk.adminsite.changelist import LastPagePaginator, PageFirstChangeList
from jmsk.adminsite.forms import ChangedValuesForm
from jmsk.adminsite.lost_updates import SEEN
from jmsk.adminsite.offered_filters import OfferedFiltersAdmin
from jmsk.adminsite.place import take_ticked, with_place
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.adminsite.selection import is_key
from jmsk.adminsite.stage import restructured

REFUSAL = "_database_refusal"


def may_view(request: HttpRequest, model: Any) -> bool:
    """Return whether the user may view or change the rows of ``model``."""
    label, name = model._meta.app_label, model._meta.model_name
    user: Any = request.user
    return any(user.has_perm(f"{label}.{action}_{name}") for action in ("view", "change"))


class SeenMixin:
    """Lets the form of a row that may be changed carry what it showed when it was opened."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = [*super().get_fieldsets(request, obj)]  # type: ignore[misc]
        if obj is None or not self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            return fieldsets
        name, options = fieldsets[-1]
        return [*fieldsets[:-1], (name, {**options, "fields": [*options["fields"], SEEN]})]


class DatabaseRulesAdmin(SeenMixin, AutocompleteMixin, OfferedFiltersAdmin):
    """Shows what triggers and constraints refuse as errors of the form, and saves only changes.

    At the legacy stage nobody has a permission on the restructured tables: there are none.
    """

    for_ticked_rows: frozenset[str] = frozenset({"delete_selected"})
    """The actions that are not offered at one click for all that a list shows."""
    form = ChangedValuesForm
    show_full_result_count = False
    paginator = LastPagePaginator

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and restructured(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add rows, and view those among which the form chooses."""
        named = [self.opts.get_field(name).related_model for name in self.autocomplete_fields]
        return (
            super().has_add_permission(request)
            and restructured(request)
            and all(may_view(request, model) for model in named)
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and restructured(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and restructured(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and restructured(request)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows of the tenants that the user sees: all that a page may show or change."""
        return seen_in(request, super().get_queryset(request))

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Return the field, which takes and names rows of the tenants only that the user sees."""
        kwargs.setdefault("queryset", seen_in(request, db_field.related_model.objects.all()))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the URL fills in: of the fields that name a row, what can be its key."""
        filled = super().get_changeform_initial_data(request)
        wrong = [name for name in self.autocomplete_fields if not is_key(str(filled.get(name, 1)))]
        return {name: value for name, value in filled.items() if name not in wrong}

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the object. Django asks for it before it asks for the permission."""
        if not restructured(request):
            raise PermissionDenied
        found = super().get_object(request, *args, **kwargs)
        if found is None or request.method != "POST":
            return found
        # Whoever saves second waits here, and then sees what the first has saved.
        self.model._default_manager.select_for_update(no_key=True).filter(pk=found.pk).first()
        return super().get_object(request, *args, **kwargs)

    def lacking(self, request: HttpRequest) -> list[str]:
        """Return what keeps a permission of the user from being of use; here nothing."""
        return []

    def complete(self, rows: list[Any]) -> None:
        """Tell the rows of a page what would cost too much to find out in front of the page."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageFirstChangeList]:
        return PageFirstChangeList

    def get_actions(self, request: HttpRequest) -> Any:
        """Return the actions, the one that deletes last."""
        actions = super().get_actions(request)
        return dict(sorted(actions.items(), key=lambda item: item[0] == "delete_selected"))

    def may(self, request: HttpRequest, action: str) -> bool:
        """Return whether the user may view the rows and has the permission ``action_model``."""
        codename = f"{self.opts.app_label}.{action}_{self.opts.model_name}"
        user: Any = request.user
        return self.has_view_permission(request) and bool(user.has_perm(codename))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Offer the actions for all that is shown as buttons: "select all" needs JavaScript."""
        take_ticked(request)
        tools = [
            (name, label.removesuffix("…"))
            for name, label in self.get_action_choices(request, [])
            if name not in self.for_ticked_rows
        ]
        context = {"tools": tools, "lacking": self.lacking(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def action_checkbox(self, obj: Any) -> Any:
        """Show the box of a row ticked again that was ticked before a login."""
        box = super().action_checkbox(obj)
        return mark_safe(box.replace("<input", "<input checked", 1)) if obj.is_ticked else box  # noqa: S308  # it is Django's

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write the changed columns only.

        What the form did not show, or a trigger has changed meanwhile, would be written back stale.
        """
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in self.opts.concrete_fields}
        changed = [name for name in form.changed_data if name in columns]
        for told in form.others_changes:
            messages.info(request, f"Changed meanwhile, and kept: {told}.")
        if not changed:
            return
        if "updated_at" in columns:
            obj.updated_at = timezone.now()
            changed.append("updated_at")
        obj.save(update_fields=changed)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        """Return the form; after a refusal, one that carries it and is not valid."""
        form: Any = super().get_form(request, obj, change=change, **kw)
        refusal = getattr(request, REFUSAL, None)
        if refusal is None:
            return form

        def full_clean(self: Any) -> None:
            form.full_clean(self)
            self.add_error(None, refusal)

        return type(form)(form.__name__, (form,), {"full_clean": full_clean})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the form again, as it was sent, with what the database refused."""
        try:
            with in_plain_words():
                return super().changeform_view(request, *args, **kwargs)
        except RefusedError as refusal:
            setattr(request, REFUSAL, str(refusal))
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        """Go back to the object with what the database refused."""
        try:
            with in_plain_words():
                return super().delete_view(request, object_id, *args, **kwargs)
        except RefusedError as refusal:
            messages.error(request, str(refusal))
        page = reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]
        )
        place = with_place(request, "")
        return redirect(f"{page}?{place}" if place else page)

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Tell what an action was refused, and that it changed nothing."""
        try:
            with in_plain_words():
                return super().response_action(request, *args, **kwargs)
        except RefusedError as refusal:
            messages.error(request, f"Nothing was changed. {refusal}")
        return redirect(request.get_full_path())
