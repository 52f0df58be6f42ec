"""Puts the project's own site in the place of Django's, and keeps what people decide in it."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class SettlementAdminConfig(AdminConfig):
    """``django.contrib.admin``, with the dashboard."""

    default_site = "contacts.settling.site.SettlementSite"


class SettlingConfig(AppConfig):
    """The tables of what people decide: an app of its own, which a rollback does not touch."""

    name = "contacts.settling"
    default_auto_field = "django.db.models.AutoField"
