"""Telling a command of the operator's that others are locked out, that they are no more, the end.

The command is run without a shell and gets the event as JSON on its standard input. It can neither
stop nor delay a run: it runs in a thread of its own, has a limit of time, and what fails of it is
told at the end as a warning.
"""

import json
import logging
import queue
import subprocess
import threading
from argparse import ArgumentTypeError
from dataclasses import dataclass, field
from datetime import UTC, datetime
from shlex import join, split
from typing import Any

from contacts.restructuring.journal import Event

logger = logging.getLogger("contacts.restructuring")

LIMIT = 10.0
"""Seconds that the command may take for one event."""


def command_line(text: str) -> tuple[str, ...]:
    """Read a command and its arguments. Raises ArgumentTypeError, which is a usage error."""
    try:
        words = tuple(split(text))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a command: {error}") from error
    if not words:
        raise ArgumentTypeError("the command is empty")
    return words


@dataclass
class Notifier:
    """Runs ``command`` for each event, one after the other. ``about`` goes with each of them."""

    command: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    limit: float = LIMIT
    waiting: "queue.SimpleQueue[dict[str, Any] | None]" = field(default_factory=queue.SimpleQueue)
    thread: threading.Thread | None = None

    def hear(self, event: Event) -> None:
        """Pass on that others are locked out, and that they are no more."""
        if event.kind == "locked":
            self.tell("locked")
        elif event.kind == "unlocked":
            self.tell("unlocked", seconds=round(event.seconds, 3))

    def tell(self, name: str, **more: Any) -> None:
        """Run the command for the event ``name``, without waiting for it."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._run_all, name="notify", daemon=True)
            self.thread.start()
        self.waiting.put({"event": name, "at": _now(), **self.about, **more})

    def close(self) -> tuple[str, ...]:
        """Wait until everything was told, each event within its limit; return what failed."""
        if self.thread is not None:
            self.waiting.put(None)
            self.thread.join()
        return tuple(self.failures)

    def _run_all(self) -> None:
        while (event := self.waiting.get()) is not None:
            failure = self._run(event)
            if failure:
                self.failures.append(
                    f"--notify: {join(self.command)} failed at '{event['event']}': {failure}"
                )
                logger.info("notify failed at %s: %s", event["event"], failure)

    def _run(self, event: dict[str, Any]) -> str:
        """Run the command; return why that failed, '' where it did not."""
        try:
            done = subprocess.run(  # the operator's own command, without a shell
                self.command,
                input=f"{json.dumps(event)}\n".encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.limit,
                check=False,
                start_new_session=True,  # Ctrl-C is meant for the run
            )
        except subprocess.TimeoutExpired:
            return f"it took more than {self.limit:g} s"
        except OSError as error:
            return error.strerror or type(error).__name__
        return f"exit code {done.returncode}" if done.returncode else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
