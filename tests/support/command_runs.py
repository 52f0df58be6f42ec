"""Runs of migrate_contacts, in this process or in one of their own, and what they left behind."""

import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from tests.support.databases import Database
from tests.support.embedded_users import PROJECT

LAST_WORDS = "Running the checks after the migration"
"""The last that a run says before COMMIT."""


PRELUDE = """
import os, signal, sys, time
import django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jmsk.settings")
django.setup()
"""
ENDING = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
"""What stands before and after a change to the command in a :class:`Run`'s ``program``."""


@dataclass(frozen=True)
class Done:
    """How a run ended: its exit code, what it said, and how many seconds it took."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def told(self) -> str:
        return self.out + self.err

    @property
    def message(self) -> str:
        """The last line of standard error: what the command says in the end."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


class Run:
    """A run in a process of its own, whose words are heard while it works.

    With ``terminal`` its standard input is a terminal, on which :meth:`answer` types. ``program``
    is Python that changes the command before it starts.
    """

    def __init__(
        self,
        url: str,
        *arguments: str,
        program: str | None = None,
        terminal: bool = False,
        **environment: str,
    ) -> None:
        whole = f"{PRELUDE}{program}{ENDING}"
        started = [sys.executable, "-c", whole] if program else [sys.executable, "manage.py"]
        self._typing: int | None = None
        stdin = subprocess.DEVNULL
        if terminal:
            self._typing, stdin = pty.openpty()
        self._begun = time.monotonic()
        self._heard = threading.Condition()
        self._said = {"out": b"", "err": b""}
        self.process = subprocess.Popen(
            [*started, "migrate_contacts", *arguments],
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment, "DATABASE_URL": url},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if terminal:
            os.close(stdin)
        streams = {"out": self.process.stdout, "err": self.process.stderr}
        self._listeners = [
            threading.Thread(target=self._listen, args=(name, stream), daemon=True)
            for name, stream in streams.items()
        ]
        for listener in self._listeners:
            listener.start()

    def _listen(self, name: str, stream: IO[bytes]) -> None:
        while chunk := os.read(stream.fileno(), 65536):
            with self._heard:
                self._said[name] += chunk
                self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def seconds(self) -> float:
        """Return for how many seconds it has been running."""
        return time.monotonic() - self._begun

    def said(self) -> str:
        """Return everything that it has said so far."""
        return (self._said["out"] + self._said["err"]).decode()

    def wait_for(self, text: str, seconds: float = 30) -> bool:
        """Wait until it says ``text``; return whether it did before it ended."""
        deadline = time.monotonic() + seconds
        with self._heard:
            while text not in self.said():
                if not any(listener.is_alive() for listener in self._listeners):
                    return False
                assert time.monotonic() < deadline, f"never said {text!r}, but:\n{self.said()}"
                self._heard.wait(0.2)
        return True

    def answer(self, line: str) -> None:
        """Type a line on its terminal."""
        assert self._typing is not None
        os.write(self._typing, f"{line}\n".encode())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        self.process.send_signal(number)

    def end(self, seconds: float = 60) -> Done:
        """Wait for its end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end in {seconds} s:\n{self.said()}") from None
        took = self.seconds()
        self.close()
        return Done(code, self._said["out"].decode(), self._said["err"].decode(), took)

    def close(self) -> None:
        """Make sure that it has ended, and let go of its streams."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for listener in self._listeners:
            listener.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if self._typing is not None:
            os.close(self._typing)
            self._typing = None


@contextlib.contextmanager
def started(database: Database | str, *arguments: str, **options: str | bool) -> Iterator[Run]:
    """Start a run and make sure that it does not outlive the block."""
    url = database if isinstance(database, str) else database.url
    run = Run(url, *arguments, **options)  # type: ignore[arg-type]
    try:
        yield run
    finally:
        run.close()


def run(database: Database | str, *arguments: str, **options: str | bool) -> Done:
    """Run the command in a process of its own, to its end."""
    with started(database, *arguments, **options) as begun:
        return begun.end()


def call(*arguments: str) -> Done:
    """Run the command in this process, on Django's default connection."""
    out, err = io.StringIO(), io.StringIO()
    begun = time.monotonic()
    code = 0
    try:
        call_command("migrate_contacts", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
        err.write(f"CommandError: {error}\n")
    finally:
        connections["default"].close()
    return Done(code, out.getvalue(), err.getvalue(), time.monotonic() - begun)


LEGACY_ROWS = {
    "tenants": "SELECT * FROM tenants ORDER BY id",
    "companies": "SELECT id, tenant_id, name, address, phone, email, created_at, updated_at"
    " FROM companies ORDER BY id",
    "customers": "SELECT id, tenant_id, name, email, phone, company_id, created_at, updated_at"
    " FROM customers ORDER BY id",
    "orders": "SELECT id, customer_id, to_jsonb(orders) - 'customer_id' FROM orders ORDER BY id",
}
SAME_AFTERWARDS = {
    "tenants": LEGACY_ROWS["tenants"],
    "companies": "SELECT id, tenant_id, name, address, phone, email, created_at, updated_at"
    " FROM companies WHERE id <> ALL (ARRAY(SELECT jsonb_array_elements(created_companies)::int"
    " FROM contacts_restructuringrun)) ORDER BY id",
    "customers": "SELECT id, tenant_id, name, coalesce(email, email_set_aside), phone,"
    " CASE WHEN company_id IS DISTINCT FROM placed_in_company_id THEN company_id END,"
    " created_at, updated_at FROM contacts ORDER BY id",
    "orders": "SELECT id, contact_id, to_jsonb(orders) - 'contact_id' - 'company_id' FROM orders"
    " ORDER BY id",
}


@dataclass(frozen=True)
class Legacy:
    """A legacy database as it was: its dump and its rows."""

    dump: str
    rows: dict[str, list[tuple[object, ...]]]


def remember(database: Database) -> Legacy:
    """Note how a legacy database is, to compare with later."""
    rows = {table: database.fetch(query) for table, query in LEGACY_ROWS.items()}
    return Legacy(database.dump(), rows)


def state(database: Database, before: Legacy) -> str:
    """Return 'legacy' or 'migrated', if the database is exactly that, else what is odd."""
    tables = {
        name
        for (name,) in database.fetch("SELECT relname FROM pg_class WHERE relkind = 'r'")
        if name in ("customers", "contacts", "addresses")
    }
    if tables == {"customers"}:
        return "legacy" if database.dump() == before.dump else "legacy tables, but another dump"
    if tables != {"contacts", "addresses"}:
        return f"in between: {sorted(tables)}"
    rows = {table: database.fetch(query) for table, query in SAME_AFTERWARDS.items()}
    different = [table for table in rows if rows[table] != before.rows[table]]
    triggers = database.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
    finished = database.fetch("SELECT kind, finished_at IS NOT NULL FROM contacts_restructuringrun")
    if different or triggers != 10 or finished != [("migration", True)]:
        return f"migrated, but rows of {different} differ, {triggers} triggers, runs {finished}"
    return "migrated"


def locks_left(database: Database) -> list[tuple[object, ...]]:
    """Return the locks that somebody goes on holding on the database's tables or as a run.

    A program such as pg_dump is gone before the server has ended its session.
    """
    until(lambda: not _locks(database))
    return _locks(database)


def _locks(database: Database) -> list[tuple[object, ...]]:
    return database.fetch(
        "SELECT l.pid, l.locktype, l.mode, c.relname FROM pg_locks l "
        "LEFT JOIN pg_class c ON c.oid = l.relation WHERE l.pid <> pg_backend_pid() "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (l.locktype = 'advisory' OR c.relname IN "
        "('tenants', 'companies', 'customers', 'contacts', 'orders'))"
    )


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait for a condition; return whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def half_backups(folder: Path) -> list[str]:
    """Return the names of backups that are not whole, hidden ones included."""
    files = {"manifest.json", *(f"{name}.jsonl.gz" for name in LEGACY_ROWS)}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and (path.name[0] == "." or {file.name for file in path.iterdir()} < files)
    )
