"""The operator's terminal: what is said, what is heard meanwhile, what is asked."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError

from contacts.restructuring.journal import Event
from contacts.restructuring.report import Line


@dataclass(frozen=True)
class Console:
    """Writes to the command's streams: results to standard output, the rest to standard error.

    ``verbosity`` is Django's: 0 says errors only. ``noinput`` answers every question with yes.
    """

    stdout: Any
    stderr: Any
    style: Any
    verbosity: int
    noinput: bool

    def say(self, lines: Iterable[Line]) -> None:
        """Write ``lines`` to standard output."""
        if self.verbosity == 0:
            return
        for line in lines:
            style = getattr(self.style, line.style) if line.style else None
            self.stdout.write(line.text, style)

    def hear(self, event: Event) -> None:
        """Tell the operator what the run is doing. The listener of the journal."""
        if event.kind == "wait":
            self.stderr.write(event.text, self.style.WARNING)
        elif event.kind == "end" and self.verbosity > 0:
            self.stderr.write(f"{event.text}: {event.seconds:.2f} s", lambda text: text)

    def ask(self, question: str) -> None:
        """Ask, and return if the answer is yes. Raises CommandError if it is not."""
        if self.noinput:
            return
        if not sys.stdin.isatty():
            raise CommandError(
                "There is no terminal to ask on. Nothing was changed. Run with --noinput to answer "
                "yes beforehand."
            )
        if input(question).strip().lower() != "yes":
            raise CommandError("Declined. Nothing was changed.")
