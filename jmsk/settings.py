"""Settings, all taken from the environment and safe where the environment says nothing.

DATABASE_URL          the PostgreSQL to work on; unset, the embedded one is started
DJANGO_SCHEMA         a schema for Django's own tables, where another project has its own; unset,
                      they lie where the search path leads
SECRET_KEY            unset, a random one for each process
DEBUG                 default false
ALLOWED_HOSTS         comma-separated, default this machine only
CSRF_TRUSTED_ORIGINS  comma-separated, for a proxy that changes the host
BEHIND_TLS_PROXY      true where a proxy ends TLS and sets (and strips) X-Forwarded-Proto
HSTS_INCLUDE_SUBDOMAINS, HSTS_PRELOAD   false where the domain has hosts without HTTPS: browsers
                      remember for a year to call them by HTTPS only; default true
ADMIN_STATEMENT_TIMEOUT   seconds that a statement of the admin may take, default 30; 0: no limit
LOG_LEVEL             of the restructuring's logger, default WARNING
EMBEDDED_POSTGRES_DIR, EMBEDDED_POSTGRES_VERSION   see jmsk/embedded/
"""

import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from jmsk.database_url import parse_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG: bool = env.bool("DEBUG", default=False)
# Without a key of its own, a process makes one up: nothing secret stands in the code, the commands
# run, and all that is lost is that sessions end with the process (and are not shared by several).
# It is read without django-environ, for which a leading "$" names another variable.
SECRET_KEY: str = os.environ.get("SECRET_KEY") or get_random_secret_key()
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "contacts.settling.apps.SettlementAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_extensions",
    "jmsk.access",
    "contacts.settling.apps.SettlingConfig",
    "companies",
    "contacts",
    "orders",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "jmsk.urls"
WSGI_APPLICATION = "jmsk.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _default_database() -> dict[str, Any]:
    """Return the settings of the default database: DATABASE_URL, else the embedded server."""
    url = os.environ.get("DATABASE_URL")
    if url is not None:
        return parse_database_url(url)
    return {
        "ENGINE": "jmsk.embedded",
        "NAME": "jmsk",
        "OPTIONS": {"application_name": "jmsk"},
        "EMBEDDED_DIR": env.str("EMBEDDED_POSTGRES_DIR", default=""),
        "EMBEDDED_VERSION": env.str("EMBEDDED_POSTGRES_VERSION", default="16"),
    }


DJANGO_SCHEMA: str = env.str("DJANGO_SCHEMA", default="")
if DJANGO_SCHEMA and not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", DJANGO_SCHEMA):
    raise ImproperlyConfigured(
        f"DJANGO_SCHEMA is {DJANGO_SCHEMA!r}. Name a schema in small letters, digits and _, such "
        "as jmsk, or unset it."
    )

DATABASES = {"default": {**_default_database(), "ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 0}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_VALIDATORS = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATORS}UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATORS}MinimumLengthValidator"},
    {"NAME": f"{_VALIDATORS}CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
STATIC_URL = "static/"

# HTTPS only, except under DEBUG, where runserver speaks plain HTTP.
SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEBUG and env.bool("HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = not DEBUG and env.bool("HSTS_PRELOAD", default=True)
SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "contacts.settling.site.csrf_failure"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
X_FRAME_OPTIONS = "DENY"
# Only where asked for: without a proxy that strips it, any client could send this header.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

_seconds: str = env.str("ADMIN_STATEMENT_TIMEOUT", default="30")
LONGEST = 24 * 3600
if not _seconds.isdecimal() or int(_seconds) > LONGEST:
    raise ImproperlyConfigured(
        f"ADMIN_STATEMENT_TIMEOUT is {_seconds!r}. Set it to whole seconds, at most {LONGEST}; "
        "0 sets no limit."
    )
ADMIN_STATEMENT_TIMEOUT = int(_seconds)

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL: str = env.str("LOG_LEVEL", default="WARNING").upper()
if LOG_LEVEL not in LOG_LEVELS:
    raise ImproperlyConfigured(
        f"LOG_LEVEL is {LOG_LEVEL!r}. Set it to one of {', '.join(LOG_LEVELS)}."
    )
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "contacts.restructuring": {
            "handlers": ["console"],
            "level": LOG_LEVEL,
        },
    },
}
