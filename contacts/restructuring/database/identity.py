"""Which database this is, and how to look at it without changing it."""

import getpass
import platform
from dataclasses import dataclass
from importlib import metadata

import django
from django.db.backends.base.base import BaseDatabaseWrapper

from jmsk.postgres.queries import row

LOCAL, USUAL_PORT = "local socket", "5432"
IDENTITY = "SELECT current_database(), current_user, current_setting('server_version')"
STANDARD_STRINGS = "standard_conforming_strings"


@dataclass(frozen=True)
class Database:
    """Where the data is and what works on it. Never a password."""

    name: str
    host: str
    user: str
    server_version: str
    tool_version: str
    python_version: str = platform.python_version()
    django_version: str = django.get_version()

    def __str__(self) -> str:
        return f"{self.name} on {self.place}, as {self.user} (PostgreSQL {self.server_version})"

    @property
    def place(self) -> str:
        """The server, for people: a socket's folder is no host, so that no port follows it."""
        folder, _, port = self.host.rpartition(":")
        if not folder.startswith(("/", "@", LOCAL)):
            return self.host
        usual = "" if port == USUAL_PORT else f" with port {port}"
        return f"{LOCAL}{usual}" if folder == LOCAL else f"socket {folder}{usual}"


def describe_database(connection: BaseDatabaseWrapper) -> Database:
    """Ask the server what it is."""
    with connection.cursor() as cursor:
        name, user, version = row(cursor, IDENTITY)
    parameters = connection.connection.get_dsn_parameters()
    host, port = parameters.get("host", LOCAL), parameters.get("port", USUAL_PORT)
    return Database(name, f"{host}:{port}", user, version.split(" ")[0], tool_version())


def tool_version() -> str:
    """Return the version of this project, or 'unknown' if it is not installed as a package."""
    try:
        return metadata.version("jmsk")
    except metadata.PackageNotFoundError:
        return "unknown"


def insist_on_standard_strings(connection: BaseDatabaseWrapper) -> None:
    """Connect again with standard_conforming_strings on, where role or database set it off.

    psycopg2 spells its literals as the server read them when the session began: to set this later,
    as the other settings are, would be too late.
    """
    if connection.connection.info.parameter_status(STANDARD_STRINGS) == "on":
        return
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c {STANDARD_STRINGS}=on".strip()
    connection.close()
    connection.ensure_connection()


def operating_system_user() -> str:
    """Return the name of who runs this, or 'unknown' where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
