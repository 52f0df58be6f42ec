"""The operator's terminal: what is said, what is heard meanwhile, what is asked."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contacts.restructuring.console.lines import DETAILED, EVERYTHING, NORMAL, Line, one_line
from contacts.restructuring.console.notify import Notifier
from contacts.restructuring.console.progress import Progress, is_part
from contacts.restructuring.console.terminal import FittedOutput
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.journal import Event

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
"""What may be answered, in small or large letters."""


@dataclass(frozen=True)
class Console:
    """Writes to the command's streams: results to standard output, the rest to standard error.

    ``verbosity`` is Django's: 0 says errors only, 1 what a run needs, 2 the details, 3 every event.
    ``noinput`` answers every question with yes. With another ``format`` than text, standard
    output is for the one document, and people read standard error.
    """

    stdout: FittedOutput
    stderr: FittedOutput
    style: Any
    verbosity: int
    noinput: bool
    format: str = "text"
    progress: Progress | None = None
    notifier: Notifier | None = None

    @property
    def for_people(self) -> FittedOutput:
        """The stream on which people read the results."""
        return self.stdout if self.format == "text" else self.stderr

    def say(self, lines: Iterable[Line]) -> None:
        """Write those of ``lines`` that this verbosity shows."""
        for line in lines:
            if line.level <= self.verbosity:
                self._write(self.for_people, one_line(line), line.style, verbatim=line.verbatim)
        # A log that both streams go to has them in their order, and a reader behind a pipe in time.
        self.for_people.flush()

    def hear(self, event: Event) -> None:
        """Tell the operator what the run is doing. The listener of the journal."""
        if (event.kind, event.step) == ("begin", "commit"):
            # From here on the run is done or undone, whoever reads of it.
            self.need_no_reader()
        if self.progress:
            self.progress.hear(event)
        if self.notifier:
            self.notifier.hear(event)
        if self.verbosity >= EVERYTHING:
            self._write(self.stderr, _told_whole(event), verbatim=True)
        elif event.kind == "unlocked" and self.verbosity >= NORMAL:
            self._write(self.stderr, f"{event.text} for {event.seconds:.2f} s")
        elif event.kind == "wait" and self.verbosity >= NORMAL:
            self._write(self.stderr, event.text, "WARNING")
        elif event.kind == "end" and self.verbosity >= self._level(event):
            self._write(self.stderr, f"{self._place(event)}{event.text}: {event.seconds:.2f} s")
        elif (event.kind, event.step) == ("begin", "commit") and self.verbosity >= NORMAL:
            self._write(self.stderr, f"{self._place(event)}{event.text}")

    def _place(self, event: Event) -> str:
        return self.progress.place_of(event) if self.progress else ""

    def _level(self, event: Event) -> int:
        """A part of a step is seen in the progress; in a log file it needs its line."""
        moving = self.progress is not None and self.progress.moving
        return DETAILED if moving and is_part(event.step) else NORMAL

    def require_terminal(self) -> None:
        """Raise Failure if a question could be neither asked nor is answered beforehand."""
        if not (self.noinput or sys.stdin.isatty()):
            raise Failure(
                "MC107",
                f"There is no terminal to ask on. {UNCHANGED} Run with --noinput to answer yes "
                "beforehand.",
            )

    def ask(self, question: str) -> None:
        """Ask until the answer is yes or no, and return if it is yes. Raises Failure if it is no.

        The end of the input is a no. So is an interrupt, which is passed on.
        """
        self.require_terminal()
        if self.noinput:
            return
        while (answer := self._answer(f"{question} (yes/no): ")) not in ANSWERS:
            self.for_people.write("Please answer yes or no.", _plain)
        if not ANSWERS[answer]:
            raise Failure("MC108", f"Declined. {UNCHANGED}")

    def _answer(self, question: str) -> str:
        with self.progress.question() if self.progress else nullcontext():
            return self._typed(question)

    def _typed(self, question: str) -> str:
        self.for_people.write(question, _plain, ending="")
        self.for_people.flush()
        try:
            return input().strip().lower()
        except (EOFError, KeyboardInterrupt) as error:
            self.for_people.write("", _plain)  # the question's line was left open
            if isinstance(error, KeyboardInterrupt):
                raise
            return "no"
        except UnicodeDecodeError:  # keys that make no characters: asked again
            return ""

    def need_no_reader(self) -> None:
        """Let output that cannot be written change nothing any more."""
        self.stdout.needed = self.stderr.needed = False

    def document(self, text: str) -> None:
        """Write the one document of the format json to standard output, as it is.

        Raises Failure if that cannot be done: a program waits for it.
        """
        self.stdout.write_as_it_is(text)
        self.stdout.flush()
        if self.stdout.lost:
            raise Failure("MC106", DOCUMENT_LOST)

    def begin(self, mode: str) -> None:
        """Start the clock that tells that the call, of this mode, is alive."""
        if self.progress:
            self.progress.begin()
        if self.notifier:
            self.notifier.about["mode"] = mode

    def expect(self, plan: Sequence[str], forecast: Mapping[str, float]) -> None:
        """Count the steps of ``plan``, and what is left by the seconds that they took before."""
        if self.progress:
            self.progress.expect(plan, forecast)

    def notify(self, event: str, **more: Any) -> None:
        """Tell the operator's command of the end of the call, and say what of it failed."""
        if not self.notifier:
            return
        self.notifier.tell(event, **more)
        self.say(Line(f"⚠ {failure}", "WARNING") for failure in self.notifier.close())

    def close(self) -> None:
        """Take the progress off the terminal and end what draws it."""
        if self.progress:
            self.progress.close()

    def _write(
        self, stream: FittedOutput, text: str, style: str = "", *, verbatim: bool = False
    ) -> None:
        function: Callable[[str], str] = getattr(self.style, style) if style else _plain
        if not self.progress:
            stream.write(text, function, verbatim=verbatim)
            return
        with self.progress.aside():
            stream.write(text, function, verbatim=verbatim)


DOCUMENT_LOST = (
    "The JSON document could not be written to standard output. What was said before stands: if a "
    "transaction was committed, it stays committed, and the reports tell what it did."
)


def _plain(text: str) -> str:
    """Standard error's own style is that of errors, which these are not."""
    return text


def _told_whole(event: Event) -> str:
    rows = f", {event.done}" if event.total else ""
    took = f", {event.seconds:.3f} s" if event.kind == "end" else ""
    return f"{datetime.now(UTC):%H:%M:%S.%f} {event.kind} {event.step}: {event.text}{rows}{took}"
