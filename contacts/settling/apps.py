"""Puts the project's own site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class SettlementAdminConfig(AdminConfig):
    """``django.contrib.admin``, with the dashboard."""

    default_site = "contacts.settling.site.SettlementSite"
