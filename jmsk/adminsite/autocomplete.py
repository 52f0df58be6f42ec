"""Rows found while typing, each told so that it is not taken for another one of the same name."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView


class ToldAutocompleteView(AutocompleteJsonView):
    """Answers with what the admin of the rows' model calls them."""

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related(*self.model_admin.list_select_related)

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        told = self.model_admin.told(obj)
        return {"id": str(getattr(obj, to_field_name)), "text": told}


class AutocompleteMixin:
    """Lets the fields of a form that name other rows show these as the list of results does."""

    admin_site: Any
    autocomplete_fields: Any

    def told(self, obj: Any) -> str:
        """Return what a row is called where it may be chosen."""
        return str(obj)

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        if db_field.name in self.autocomplete_fields:
            admin = self.admin_site.get_model_admin(db_field.related_model)
            field.label_from_instance = admin.told
        return field
