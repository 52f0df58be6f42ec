"""The server that is measured, the legacy databases, and their copies."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg2 import sql

from jmsk.embedded.server import ensure_running, release
from jmsk.embedded.supervisor import PORT
from tests.benchmark.programs import manage
from tests.support.database.databases import Database, Server, server_settings

FILE_COPY = 150000
"""The server version from which CREATE DATABASE can be told to copy files, and by default does not:
a copy through the log would be written to the disk again while it is measured."""


@dataclass(frozen=True)
class Place:
    """A server, and a folder for files."""

    server: Server
    folder: Path

    def new(self, template: str = "template0") -> Database:
        """Return a new database, a copy of ``template``."""
        name = f"{self.server.run}_{secrets.token_hex(4)}"
        create = "CREATE DATABASE {} TEMPLATE {}"
        if template == "template0":
            create += " ENCODING 'UTF8'"
        if int(self.server.maintenance.value("SHOW server_version_num")) >= FILE_COPY:
            create += " STRATEGY file_copy"
        names = (sql.Identifier(name), sql.Identifier(template))
        self.server.maintenance.execute(sql.SQL(create).format(*names))
        return Database(name, self.server.settings)

    @contextmanager
    def copy(self, template: Database) -> Iterator[Database]:
        """A copy of ``template``, at rest: vacuumed, its statistics fresh, all on the disk."""
        with self.empty(template.name) as database:
            database.execute("VACUUM ANALYZE")
            if self.may_checkpoint:
                database.execute("CHECKPOINT")
            yield database

    @contextmanager
    def empty(self, template: str = "template0") -> Iterator[Database]:
        """A database that is dropped in the end."""
        database = self.new(template)
        try:
            yield database
        finally:
            self.server.drop(database.name)

    @property
    def may_checkpoint(self) -> bool:
        """Whether this role may order a checkpoint."""
        query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        return bool(self.server.maintenance.value(query))

    def legacy(self, customers: int, orders: int) -> Database:
        """Return a new legacy database with the sample's rows."""
        database = self.new()
        manage(
            database.url,
            "load_legacy_sample",
            f"--customers={customers}",
            f"--orders={orders}",
            folder=self.folder,
        )
        return database


@contextmanager
def place(database_url: str | None) -> Iterator[Place]:
    """A place to measure in, and nothing left of it afterwards.

    Parameters: database_url, of a database on the server to use, whose role may create databases;
    None: a server of this run's own, with PostgreSQL's own settings.
    """
    run = f"jmsk_benchmark_{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="jmsk-benchmark-"))
    try:
        if database_url is not None:
            given = Server(server_settings(database_url), run)
            try:
                yield Place(given, folder)
            finally:
                given.drop_all()
            return
        folder.chmod(0o711)  # run by root, the server is another user and must get through
        version = os.environ.get("EMBEDDED_POSTGRES_VERSION", "16")
        running = ensure_running(folder, version, "jmsk")
        try:
            url = f"postgresql://postgres@/jmsk?host={running.socket}&port={PORT}"
            yield Place(Server(server_settings(url), run), folder)
        finally:
            release(running.location)
    finally:
        shutil.rmtree(folder)
