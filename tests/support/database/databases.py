"""Real databases for tests: one server a run, templates made once, a fresh copy for each test."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connections
from psycopg2 import extensions, sql

from jmsk.database_url import parse_database_url
from jmsk.embedded import binaries
from tests.support.project import PROJECT

LEGACY_SCHEMA = PROJECT / "contacts" / "sample" / "legacy_schema.sql"

_numbers = itertools.count(1)


def find_program(name: str) -> str:
    """Return the path of a PostgreSQL client program: the wheel's newest, else the machine's."""
    try:
        return str(binaries.program(name))
    except ImproperlyConfigured:
        found = shutil.which(name)
        if found is None:
            raise
        return found


@dataclass(frozen=True)
class Database:
    """One database on the test server.

    Parameters: name; settings, Django's settings for it (HOST, PORT, USER, PASSWORD, OPTIONS).
    """

    name: str
    settings: dict[str, Any]

    @property
    def url(self) -> str:
        """The URL that leads here, fit for DATABASE_URL and for libpq's programs."""
        given = self.settings
        login = quote(given["USER"], safe="")
        if given["PASSWORD"]:
            login += ":" + quote(given["PASSWORD"], safe="")
        wanted = {"host": given["HOST"], "port": given["PORT"], **given["OPTIONS"]}
        query = urlencode({key: value for key, value in wanted.items() if value}, quote_via=quote)
        return f"postgresql://{login}@/{quote(self.name, safe='')}?{query}"

    @property
    def seen_from(self) -> str:
        """Where the server sees a session come from: 'local' through its socket, or an address."""
        host = self.settings["HOST"]
        return host if host and not host.startswith("/") else "local"

    @property
    def version(self) -> int:
        """The major version of the server."""
        return int(self.value("SHOW server_version_num")) // 10_000

    def connect(self) -> extensions.connection:
        """Return a new psycopg2 connection in autocommit mode; the caller closes it."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        return connection

    def execute(self, statement: str | sql.Composable, params: Any = None) -> None:
        """Run one statement, or several without parameters, and commit."""
        self._run(statement, params)

    def fetch(self, statement: str | sql.Composable, params: Any = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._run(statement, params, lambda cursor: list(cursor.fetchall()))

    def value(self, statement: str | sql.Composable, params: Any = None) -> Any:
        """Return the first column of a query's first row."""
        return self.fetch(statement, params)[0][0]

    def run_script(self, script: Path | str) -> None:
        """Run an SQL script, a file or its text, as psql would, stopping at the first error."""
        text = script.read_text() if isinstance(script, Path) else script
        self._client("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", text=text)

    def dump(self, *options: str) -> str:
        r"""Return pg_dump's text, less the \restrict lines, whose key is random."""
        lines = self._client("pg_dump", *options).splitlines(keepends=True)
        return "".join(
            line for line in lines if not line.startswith(("\\restrict ", "\\unrestrict "))
        )

    def _client(self, name: str, *arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [find_program(name), "-d", self.url, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} failed:\n{done.stderr}"
        return done.stdout

    def _run(
        self,
        statement: str | sql.Composable,
        params: Any,
        read: Callable[[Any], list[tuple[Any, ...]]] = lambda _: [],
    ) -> list[tuple[Any, ...]]:
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, params)
                return read(cursor)
        finally:
            connection.close()


class Server:
    """The test server, and what this run has made on it.

    Parameters: settings, Django's settings of a database that exists; run, a name no other run has.
    """

    def __init__(self, settings: dict[str, Any], run: str) -> None:
        self.settings = settings
        self.run = run
        self.maintenance = Database(settings["NAME"], settings)

    def database(self, kind: str) -> Database:
        """Return a fresh database of a kind (a key of TEMPLATES); drop() removes it."""
        template = "template0" if kind == "empty" else self._template(kind)
        fresh = Database(f"{self.run}_{os.getpid()}_{next(_numbers)}", self.settings)
        self._create(fresh.name, template)
        return fresh

    def copy(self, database: Database) -> Database:
        """Return a copy of a database that nobody is connected to; drop() removes it."""
        fresh = Database(f"{self.run}_{os.getpid()}_{next(_numbers)}", self.settings)
        self._create(fresh.name, database.name)
        return fresh

    def drop(self, *names: str) -> None:
        """Drop databases, whoever is connected to them."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        for name in names:
            self._execute(drop.format(sql.Identifier(name)))

    def drop_all(self) -> None:
        """Drop every database that this run has made."""
        rows = self.maintenance.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{self.run}_"]
        )
        self.drop(*(name for (name,) in rows))

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'{}").format(
            sql.Identifier(name), sql.Identifier(template), self._strategy
        )
        self._execute(statement)
        if template == "template0":  # as it is from PostgreSQL 15 on
            made = Database(name, self.settings)
            made.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    def _execute(self, statement: sql.Composed) -> None:
        """Run ``statement`` in a session that stays: there are two of them for each test."""
        with self._session.cursor() as cursor:
            cursor.execute(statement)

    @cached_property
    def _session(self) -> extensions.connection:
        return self.maintenance.connect()

    @cached_property
    def _strategy(self) -> sql.SQL:
        """How a database is copied: by its files, which takes half the time of the log.

        Up to version 14 there is no other way, and no word for it.
        """
        return sql.SQL(" STRATEGY file_copy" if self.maintenance.version >= 15 else "")

    def _template(self, kind: str) -> str:
        """Return the name of a kind's template, made by whichever process needs it first."""
        ready = f"{self.run}_template_{kind}"
        unfinished = Database(f"{ready}_unfinished", self.settings)
        connection = self.maintenance.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [ready])
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ready])
                if cursor.fetchone() is None:
                    self.drop(unfinished.name)
                    self._create(unfinished.name, "template0")
                    TEMPLATES[kind](unfinished)
                    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                    cursor.execute(
                        rename.format(sql.Identifier(unfinished.name), sql.Identifier(ready))
                    )
        finally:
            connection.close()
        return ready


@contextlib.contextmanager
def django_uses(database: Database) -> Iterator[None]:
    """Point Django's default connection at a database, of whichever server, for a while."""
    default = connections["default"]
    default.close()
    wanted = {**database.settings, "NAME": database.name}
    before = {key: default.settings_dict[key] for key in wanted}
    default.settings_dict.update(wanted)
    try:
        yield
    finally:
        default.close()
        default.settings_dict.update(before)


def server_settings(url: str) -> dict[str, Any]:
    """Return the settings of the test server that a URL names."""
    return parse_database_url(url)


def _fill_legacy(database: Database) -> None:
    database.run_script(LEGACY_SCHEMA)


def _command(*arguments: str) -> Callable[[Database], None]:
    def fill(database: Database) -> None:
        with django_uses(database):
            call_command(*arguments, verbosity=0)

    return fill


TEMPLATES: dict[str, Callable[[Database], None]] = {
    "legacy": _fill_legacy,
    "sample": _command("load_legacy_sample"),
    "migrated": _command("migrate"),
}
KINDS: Sequence[str] = ("empty", *TEMPLATES)
