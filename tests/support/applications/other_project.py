"""Another Django project, small and real, which keeps its tables in the same database."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.database.databases import Database

SETTINGS = """
import os
from jmsk.database_url import parse_database_url
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes",
                  "django.contrib.sessions",
                  "blog"]
DATABASES = {"default": parse_database_url(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
MODELS = """
from django.contrib.auth.models import AbstractUser
from django.db import models
class Post(models.Model):
    title = models.CharField(max_length=200)
"""
OWN_USER = """
class Person(AbstractUser):
    pass
"""
TABLES = ("django_*", "auth_*", "blog_*")


@dataclass
class OtherProject:
    """The project in ``folder``. ``own_user``: it has a user model of its own."""

    folder: Path
    database: Database
    own_user: bool = False

    def write(self) -> None:
        """Write its files and its migrations."""
        blog = self.folder / "blog"
        (blog / "migrations").mkdir(parents=True)
        for place in (blog, blog / "migrations"):
            (place / "__init__.py").touch()
        (blog / "models.py").write_text(MODELS + (OWN_USER if self.own_user else ""))
        user = 'AUTH_USER_MODEL = "blog.Person"\n' if self.own_user else ""
        (self.folder / "other_settings.py").write_text(SETTINGS + user)
        self.manage("makemigrations", "blog")

    def manage(self, *arguments: str) -> None:
        """Run its manage.py."""
        environment = {
            **os.environ,
            "DATABASE_URL": self.database.url,
            "DJANGO_SETTINGS_MODULE": "other_settings",
            "PYTHONPATH": f"{self.folder}:{Path.cwd()}",
        }
        environment.pop("DJANGO_SCHEMA", None)
        subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            env=environment,
        )

    def tables(self) -> str:
        """Return pg_dump's text of its tables, rows included."""
        return self.database.dump(*(f"--table=public.{name}" for name in TABLES))
