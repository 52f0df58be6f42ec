"""The backend: Django's PostgreSQL backend, which starts the embedded server before connecting."""

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.client import DatabaseClient as PostgresClient

from jmsk.embedded import binaries
from jmsk.embedded.server import ensure_running
from jmsk.embedded.supervisor import PORT


class DatabaseClient(PostgresClient):
    """dbshell with the psql of the embedded PostgreSQL."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Any
    ) -> tuple[list[str], dict[str, str] | None]:
        """Return psql's command line and environment, with the server running."""
        wanted = start_for(settings_dict)
        arguments, environment = super().settings_to_cmd_args_env(wanted, parameters)
        return [str(binaries.program("psql")), *arguments[1:]], environment


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded PostgreSQL."""

    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg2's parameters, with the server running."""
        given = self.settings_dict
        self.settings_dict = start_for(given)
        try:
            return super().get_connection_params()
        finally:
            self.settings_dict = given


def start_for(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """Start the embedded server unless it runs, and return the settings that lead to it.

    Parameters: settings_dict, of a database whose ENGINE is this backend.
    Raises ImproperlyConfigured where the server cannot be started, saying why and what to do.
    """
    chosen = settings_dict.get("EMBEDDED_DIR")
    running = ensure_running(
        chosen=Path(chosen) if chosen else None,
        version=settings_dict.get("EMBEDDED_VERSION", "16"),
        database=settings_dict["NAME"],
    )
    return {**settings_dict, "HOST": str(running.socket), "PORT": PORT, "USER": "postgres"}
