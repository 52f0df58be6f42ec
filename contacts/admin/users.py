"""Users and groups: Django's own pages, which offer the permissions that mean something here.

And the tenants that a user sees.
"""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest

from companies.models import Tenant
from jmsk.access.tenants import is_limited, limit, tenants_of
from jmsk.adminsite.offered_filters import OfferedFiltersAdmin
from jmsk.adminsite.stage import restructured

LEGACY = "_customer"
"""How the permissions on the model end that the contacts were before: they open no page."""


class OfferedPermissionsAdmin(OfferedFiltersAdmin):
    """Leaves out the permissions of the legacy model.

    Who sees some tenants only administers no users: else they could see all as somebody else.
    """

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.related_model is Permission:
            offered = Permission.objects.exclude(codename__endswith=LEGACY)
            kwargs["queryset"] = offered.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and not is_limited(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not is_limited(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not is_limited(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not is_limited(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and not is_limited(request)


class UserTenantsForm(UserChangeForm):
    """A user, with the tenants whose rows they see."""

    tenants = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        widget=FilteredSelectMultiple("tenants", is_stacked=False),
        help_text="The user sees only what belongs to these. None chosen: all tenants.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        listed = tenants_of(self.instance.pk) or frozenset()
        field: Any = self.fields["tenants"]
        field.choices = list(_choices(listed))
        field.initial = sorted(listed)


def _choices(listed: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Yield all tenants, and those listed that are gone: unseen, they could not be kept."""
    names = dict(Tenant.objects.order_by("name", "pk").values_list("pk", "name"))
    yield from names.items()
    for tenant in sorted(listed - set(names)):
        yield tenant, f"tenant {tenant}, which is gone"


admin.site.unregister([User, Group])


@admin.register(User)
class OfferedUserAdmin(OfferedPermissionsAdmin, UserAdmin):
    """Users, and the tenants that they see. Nobody chooses their own."""

    class Media:
        css = {"all": ["contacts/admin.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self._may_limit(request, obj):
            return fieldsets
        return [*fieldsets[:-1], ("Tenants", {"fields": ("tenants",)}), fieldsets[-1]]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if self._may_limit(request, obj):
            kwargs["form"] = UserTenantsForm
        return super().get_form(request, obj, change=change, **kwargs)

    def _may_limit(self, request: HttpRequest, obj: Any) -> bool:
        may_change = obj is not None and self.has_change_permission(request, obj)
        return may_change and obj != request.user and restructured(request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "tenants" in form.changed_data:
            limit(form.instance.pk, form.cleaned_data["tenants"])


@admin.register(Group)
class OfferedGroupAdmin(OfferedPermissionsAdmin, GroupAdmin):
    """Groups."""
