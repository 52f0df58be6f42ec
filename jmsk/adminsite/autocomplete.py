"""Rows found while typing, each told so that it is not taken for another one of the same name."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper


class ToldAutocompleteView(AutocompleteJsonView):
    """Answers with what the admin of the rows' model calls them."""

    def get_queryset(self) -> Any:
        admin: Any = self.model_admin
        found = super().get_queryset()
        told_by = admin.list_select_related
        return found.select_related(*told_by) if told_by else found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        admin: Any = self.model_admin
        return {"id": str(getattr(obj, to_field_name)), "text": admin.told(obj)}


class AutocompleteMixin:
    """Lets the fields of a form that name other rows show these as the list of results does."""

    admin_site: Any

    def told(self, obj: Any) -> str:
        """Return what a row is called where it may be chosen."""
        return str(obj)

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            admin = self.admin_site.get_model_admin(db_field.related_model)
            field.label_from_instance = admin.told
        return field

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer to add or view what is chosen, and nothing that changes or deletes it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget.can_change_related = field.widget.can_delete_related = False
        return field
