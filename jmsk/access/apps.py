"""Configuration of the app that knows who sees which tenants.

It is an app of its own, like Django's: its table needs no restructured database, so it comes before
the restructuring and outlives a rollback.
"""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "jmsk.access"
    default_auto_field = "django.db.models.AutoField"
