"""Servers of a test's own, which may be stopped, restarted and configured."""

import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jmsk.embedded.server import Running, ensure_running, release
from jmsk.embedded.supervisor import PORT
from tests.support.database.databases import TEMPLATES, Database, django_uses, server_settings
from tests.support.servers.embedded_processes import server_of
from tests.support.servers.server_folders import make_server_folder
from tests.support.waiting import wait_until

SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=40", "synchronous_commit=on")
"""A process that is killed loses nothing that it has handed to the system, so fsync may be off; but
a COMMIT has to be written before it is answered."""


def version_of_run() -> str:
    """Return the major version that the tests are to run on."""
    return os.environ.get("TEST_POSTGRES_VERSION", "16")


@dataclass
class OwnServer:
    """A server in ``folder``. ``options`` are more settings, as "name=value"."""

    folder: Path
    options: tuple[str, ...] = ()
    version: str = field(default_factory=version_of_run)
    running: Running | None = None

    @property
    def url(self) -> str:
        """The URL of its first database."""
        running = self.running or self.start()
        return f"postgresql://postgres@/jmsk?host={running.socket}&port={PORT}"

    def start(self) -> Running:
        """Start it, again where it was stopped, and wait until it takes connections."""
        self.running = ensure_running(self.folder, self.version, "jmsk", (*SETTINGS, *self.options))
        return self.running

    def stop_at_once(self) -> None:
        """Stop it without tidying up, as a crash does, and wait until it is gone."""
        pid = server_of(self.folder)
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        self.end()
        wait_until(lambda: server_of(self.folder) is None)

    def database(self, kind: str) -> Database:
        """Return a fresh database of a kind (a key of databases.TEMPLATES)."""
        settings = server_settings(self.url)
        fresh = Database(f"test_{secrets.token_hex(4)}", settings)
        template = Database(f"template_{kind}", settings)
        maintenance = Database("jmsk", settings)
        known = "SELECT count(*) FROM pg_database WHERE datname = %s"
        if not maintenance.value(known, [template.name]):
            maintenance.execute(f"CREATE DATABASE {template.name} TEMPLATE template0")
            with django_uses(template):
                TEMPLATES[kind](template)
        maintenance.execute(f"CREATE DATABASE {fresh.name} TEMPLATE {template.name}")
        # What was drawn from sequences is on the disk now: a crash does not move them.
        maintenance.execute("CHECKPOINT")
        return fresh

    def copy(self, database: Database) -> Database:
        """Return a copy of a database that nobody is connected to."""
        fresh = Database(f"test_{secrets.token_hex(4)}", database.settings)
        maintenance = Database("jmsk", database.settings)
        maintenance.execute(f"CREATE DATABASE {fresh.name} TEMPLATE {database.name}")
        maintenance.execute("CHECKPOINT")
        return fresh

    def drop(self, database: Database) -> None:
        """Drop a database, whoever is connected to it."""
        maintenance = Database("jmsk", database.settings)
        maintenance.execute(f"DROP DATABASE {database.name} WITH (FORCE)")

    def end(self) -> None:
        """Stop it for good."""
        if self.running is not None:
            release(self.running.location)
            self.running = None


@contextlib.contextmanager
def own_server(*options: str, version: str = "") -> Iterator[OwnServer]:
    """Give a server of one's own, which is gone afterwards, its files too.

    ``version`` is "16" or "18"; as the test run's where it is not given.
    """
    folder = make_server_folder("jmsk-own-")
    server = OwnServer(folder, options, version or version_of_run())
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder)
