"""Configuration of the contacts app."""

from django.apps import AppConfig

from jmsk.postgres.django_schema import install


class ContactsConfig(AppConfig):
    name = "contacts"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Let Django's tables have a schema of their own, where DJANGO_SCHEMA names one."""
        install()
