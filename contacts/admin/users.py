"""Users and groups: Django's own pages, which offer the permissions that mean something here."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User

from jmsk.adminsite.offered_filters import OfferedFiltersAdmin

LEGACY = "_customer"
"""How the permissions on the model end that the contacts were before: they open no page."""


class OfferedPermissionsAdmin(OfferedFiltersAdmin):
    """Leaves out the permissions of the legacy model."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.related_model is Permission:
            offered = Permission.objects.exclude(codename__endswith=LEGACY)
            kwargs["queryset"] = offered.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)


admin.site.unregister([User, Group])


@admin.register(User)
class OfferedUserAdmin(OfferedPermissionsAdmin, UserAdmin):
    """Users."""


@admin.register(Group)
class OfferedGroupAdmin(OfferedPermissionsAdmin, GroupAdmin):
    """Groups."""
