"""The one way to call migrate_contacts: in this process, in a child, or in one that still works.

:func:`run` calls it in this process, on Django's default connection. :func:`run_child` runs it in a
process of its own to its end, :func:`start` while it works. All of them give a :class:`Result`.
"""

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.core.management import call_command
from django.core.management.base import CommandError
from jsonschema import Draft202012Validator, FormatChecker

from tests.support.database.databases import Database
from tests.support.project import PROJECT

LAST_WORDS = "Running the checks after the migration"
"""The last that a run says before COMMIT."""

NAME = "migrate_contacts"
ERROR = re.compile(r"^(?:\w*Error|Stopped): ", re.MULTILINE)

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
"""What stands before and after the ``program`` of a child, which changes the command."""


@dataclass(frozen=True)
class Result:
    """How a run ended: exit code, standard output, standard error, and how many seconds it took."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def output(self) -> str:
        """Everything that it printed, on both streams."""
        return self.out + self.err

    @property
    def error(self) -> str:
        """The failure that ended it, as "CommandError: ..."; '' where it ended well."""
        if self.code == 0:
            return ""
        begins = [found.start() for found in ERROR.finditer(self.err)]
        return self.err[begins[-1] :].rstrip("\n") if begins else ""

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output, which keeps to the schema."""
        return valid(json.loads(self.out))


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """Return ``document``, a JSON report, which has to keep to the schema."""
    from contacts.restructuring.reports.json_format import report_schema

    Draft202012Validator(report_schema(), format_checker=FormatChecker()).validate(document)
    return document


# --- in this process ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(
    *arguments: str,
    terminal: bool = False,
    stdout: io.StringIO | None = None,
    stderr: io.StringIO | None = None,
) -> Result:
    """Run the command on Django's default connection; a refusal is an outcome like others.

    With ``terminal`` it writes to terminals. ``stdout`` and ``stderr`` are streams to use instead.
    """
    out, err = (given or (Terminal if terminal else io.StringIO)() for given in (stdout, stderr))
    begun, code = time.monotonic(), 0
    try:
        call_command(NAME, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
        err.write(f"{type(error).__name__}: {error}\n")
    return Result(code, out.getvalue(), err.getvalue(), time.monotonic() - begun)


def run_into(folder: Path, *arguments: str) -> Result:
    """Run without questions, with the backups and reports in ``folder``."""
    return run(*arguments, "--noinput", "--backup-dir", str(folder))


def migrate(folder: Path, *arguments: str) -> Result:
    """Do a full run without questions and without a backup; its report goes to ``folder``."""
    return run_into(folder, "--skip-backup", *arguments)


def assert_succeeds(folder: Path, *arguments: str) -> Result:
    """Run as :func:`run_into` does; the run has to succeed."""
    result = run_into(folder, *arguments)
    assert result.code == 0, result.output
    return result


def assert_migrates(folder: Path, *arguments: str) -> Result:
    """Do a full run without a backup, which has to succeed."""
    return assert_succeeds(folder, "--skip-backup", *arguments)


def assert_refused(database: Database, result: Result, before: str, *messages: str) -> None:
    """Fail unless a run ended with code 1, said all of ``messages``, and changed no byte."""
    assert result.code == 1, result.output
    for message in messages:
        assert message in result.out + result.error
    assert database.dump() == before


def assert_clear_refusal(result: Result, *messages: str) -> None:
    """Fail unless a run ended with code 1 and a message that says all of ``messages``."""
    assert result.code == 1, result.output
    assert "Traceback" not in result.output
    for message in messages:
        assert message in result.err, result.output


# --- in a process of its own --------------------------------------------------------------------


class Running:
    """A run in a process of its own, which is heard while it works.

    Parameters: see :func:`start`.
    """

    def __init__(
        self,
        url: str,
        *arguments: str,
        program: str | None = None,
        terminal: bool = False,
        stdout: int | IO[str] = subprocess.PIPE,
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
            [*started, NAME, *arguments],
            cwd=PROJECT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "DATABASE_URL": url},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if terminal:
            os.close(stdin)
        self._streams = {"out": self.process.stdout, "err": self.process.stderr}
        self._listeners = [
            threading.Thread(target=self._listen, args=(name, stream), daemon=True)
            for name, stream in self._streams.items()
            if stream is not None
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

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until it says ``text``; fail where it ends, or the time does, without having."""
        deadline = time.monotonic() + seconds
        with self._heard:
            while text not in self.said():
                heard = any(listener.is_alive() for listener in self._listeners)
                if not heard or time.monotonic() > deadline:
                    raise AssertionError(f"never said {text!r}, but:\n{self.said()}")
                self._heard.wait(0.2)

    def answer(self, line: str) -> None:
        """Type a line on its terminal."""
        assert self._typing is not None
        os.write(self._typing, f"{line}\n".encode())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        self.process.send_signal(number)

    def end(self, seconds: float = 120) -> Result:
        """Wait for its end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end in {seconds} s:\n{self.said()}") from None
        took = self.seconds()
        self.close()
        return Result(code, self._said["out"].decode(), self._said["err"].decode(), took)

    def close(self) -> None:
        """Make sure that it has ended, and let go of its streams."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for listener in self._listeners:
            listener.join(10)
        for stream in self._streams.values():
            if stream is not None:
                stream.close()
        if self._typing is not None:
            os.close(self._typing)
            self._typing = None


@contextlib.contextmanager
def start(database: Database | str, *arguments: str, **options: Any) -> Iterator[Running]:
    """Start a run, which does not outlive the block.

    Parameters: database, or its URL; program, Python that changes the command before it starts;
    terminal, whether its standard input is one; stdout, a file to use instead of a pipe.
    """
    url = database if isinstance(database, str) else database.url
    running = Running(url, *arguments, **options)
    try:
        yield running
    finally:
        running.close()


def run_child(database: Database | str, *arguments: str, **options: Any) -> Result:
    """Run the command in a process of its own to its end; parameters as for :func:`start`."""
    with start(database, *arguments, **options) as running:
        return running.end()
