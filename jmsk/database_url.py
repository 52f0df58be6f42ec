"""Reads DATABASE_URL, in libpq's and in SQLAlchemy's spelling, into Django's settings.

No message of this module holds the URL or a value out of it: both may contain the password.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from psycopg2.extensions import make_dsn

EXAMPLE = "postgresql://user:password@host:5432/database"

# As SQLAlchemy reads it: a password may hold "/", "?" and "#" as they are, only "@" is quoted.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z0-9]+)(?:\+[A-Za-z0-9_]+)?://"
    r"(?:(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<name>[^?]*))?(?:\?(?P<query>.*))?"
)
_HOST = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:@\[\]]*))(?::(?P<port>\d*))?")

_SCHEMES = {"postgresql", "postgres"}
_SETTINGS = {
    "host": "HOST",
    "port": "PORT",
    "user": "USER",
    "password": "PASSWORD",
    "dbname": "NAME",
    "database": "NAME",
}
# asyncpg says ssl= where libpq says sslmode=; its values are libpq's, or a plain yes or no.
_SSL_VALUES = {
    "true": "require",
    "1": "require",
    "yes": "require",
    "on": "require",
    "false": "disable",
    "0": "disable",
    "no": "disable",
    "off": "disable",
}
# A server that has vanished is noticed within a minute or so, and a host that does not answer in
# 15 s: the system's own defaults are two hours and two minutes.
_PATIENCE = {
    "connect_timeout": "15",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_RENAMED = {"ssl": "sslmode", "timeout": "connect_timeout"}
# Settings of the SQLAlchemy drivers themselves: they do not change what is connected to.
_DRIVER_ONLY = {
    "async_fallback",
    "command_timeout",
    "executemany_batch_page_size",
    "executemany_mode",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "statement_cache_size",
}


def parse_database_url(url: str) -> dict[str, Any]:
    """Return Django's settings for the PostgreSQL database that a URL names.

    Parameters: url, as libpq or SQLAlchemy (any PostgreSQL driver after "+") accepts it.
    Returns: a dictionary for settings.DATABASES.
    Raises ImproperlyConfigured, without the URL, where it is not one of a PostgreSQL database.
    """
    if not url.strip():
        raise ImproperlyConfigured(
            "DATABASE_URL is set but empty. Unset it to use the embedded PostgreSQL, "
            f"or name a database: {EXAMPLE}"
        )
    match = _URL.fullmatch(url.strip())
    if match is None:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read. It should look like {EXAMPLE}")
    if match["scheme"].lower() not in _SCHEMES:
        raise ImproperlyConfigured(
            f"DATABASE_URL names a {match['scheme']!r} database, and this project works on "
            f"PostgreSQL only. It should look like {EXAMPLE}"
        )
    parameters = parse_qsl(match["query"] or "", keep_blank_values=True)
    host, port = _hosts(match["hosts"] or "")
    several = [value for key, value in parameters if key == "host"]
    if len(several) > 1:  # SQLAlchemy's way to name several: host=one:5432&host=two:5432
        host, port = _hosts(",".join(several))
        parameters = [(key, value) for key, value in parameters if key != "host"]
    settings: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(match["name"] or ""),
        "USER": unquote(match["user"] or ""),
        "PASSWORD": unquote(match["password"] or ""),
        "HOST": host,
        "PORT": port,
        "OPTIONS": {"application_name": "jmsk", **_PATIENCE},
    }
    for key, value in parameters:
        _add_parameter(settings, key, value)
    if not settings["NAME"] and "service" not in settings["OPTIONS"]:
        raise ImproperlyConfigured(
            f"DATABASE_URL names no database. It should end in its name: {EXAMPLE}"
        )
    return settings


def _hosts(text: str) -> tuple[str, str]:
    """Return host and port; several, comma-separated, come back as libpq's two lists."""
    matches = [_HOST.fullmatch(part) for part in text.split(",")]
    found = [match for match in matches if match is not None]
    if len(found) < len(matches):
        raise ImproperlyConfigured(
            f"DATABASE_URL's host and port cannot be read. It should look like {EXAMPLE}; "
            'an "@" in the user or the password is written %40.'
        )
    hosts = ",".join(unquote(match["v6"] or match["host"] or "") for match in found)
    ports = ",".join(match["port"] or "" for match in found)
    return hosts, ports if ports.strip(",") else ""


def _add_parameter(settings: dict[str, Any], key: str, value: str) -> None:
    """Put one parameter after the "?" where Django expects it."""
    if key in _DRIVER_ONLY:
        return
    if key in _SETTINGS:
        settings[_SETTINGS[key]] = value
        return
    if key == "ssl":
        value = _SSL_VALUES.get(value.lower(), value)
    name = _RENAMED.get(key, key)
    try:
        make_dsn(**{name: value})
    except psycopg2.ProgrammingError:
        # The cause is left out: libpq's message may quote what stood in the URL.
        raise ImproperlyConfigured(
            f"DATABASE_URL has a parameter {key!r} that PostgreSQL's client library does not know. "
            "Remove it, or see libpq's list of connection parameters."
        ) from None
    settings["OPTIONS"][name] = value
