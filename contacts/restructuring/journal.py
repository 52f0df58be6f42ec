"""The record of a run: which step took how long, and what the operator is to be told meanwhile."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jmsk.wording import counted

SESSION = re.compile(r"(?:^|; |for )pid (\d+),")
"""How a session in the way is named. Its query stands behind it: that may hold personal data."""

logger = logging.getLogger("contacts.restructuring")


@dataclass(frozen=True)
class Event:
    """Something that happened: ``kind`` is 'begin', 'progress', 'wait', 'end', 'locked' or
    'unlocked'.

    ``step`` names the step for programs, ``text`` says it for people; ``seconds`` is how long it
    took, at its end; ``rows`` of ``total`` are done, where a step counts rows, or what ``noun``,
    with its ``plural``, says that it counts.
    """

    kind: str
    step: str
    text: str = ""
    seconds: float = 0.0
    rows: int = 0
    total: int = 0
    noun: str = "row"
    plural: str = "rows"

    @property
    def done(self) -> str:
        """How far a step has come, in words: "5 of 10 rows"."""
        return f"{self.rows:,} of {counted(self.total, self.noun, self.plural)}"


@dataclass
class Interrupt:
    """Which signal the operator, or the system, has stopped the call with; '' for none."""

    signal: str = ""


@dataclass
class Journal:
    """Measures the steps of a run and passes each event on to ``listener`` and to the log.

    ``hooks`` are called with each event before the listener: the transaction uses one to hold the
    promised window and one to see which locks a step took. ``committed`` says that the run's
    transaction was committed, ``in_doubt`` that it may have been: nobody has been asked yet.
    ``locked_seconds`` is how long the run's transaction kept others out, however it ended.
    ``interrupt`` knows of a signal even where the server's answer to it is all that was raised.
    """

    listener: Callable[[Event], None]
    seconds: dict[str, float] = field(default_factory=dict)
    hooks: list[Callable[[Event], None]] = field(default_factory=list)
    current: str = ""
    committed: bool = False
    in_doubt: bool = False
    interrupt: Interrupt = field(default_factory=Interrupt)
    locked_since: float | None = None
    locked_seconds: float = 0.0

    def locked(self, since: float) -> None:
        """Say that others are locked out, and ``since`` when, by the monotonic clock."""
        self.locked_since = since
        self.tell(Event("locked", "lock-out", "Others are locked out from now on"))

    def unlocked(self) -> None:
        """Say, if others were locked out, that they are no more; the transaction has ended."""
        self.hooks.clear()
        if self.locked_since is None:
            return
        self.locked_seconds, self.locked_since = time.monotonic() - self.locked_since, None
        self.tell(Event("unlocked", "lock-out", "Others were locked out", self.locked_seconds))

    def ended(self, *, committed: bool) -> None:
        """Note how a transaction of the run ended."""
        self.committed, self.in_doubt = self.committed or committed, False

    @contextmanager
    def step(self, name: str, text: str = "") -> Iterator[None]:
        """Measure what runs inside, under ``name``; ``text`` says it for people."""
        outer, self.current = self.current, name
        self.tell(Event("begin", name, text or name))
        start = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took
        self.tell(Event("end", name, text or name, took))
        # Only where it went well: what fails is told by the innermost step.
        self.current = outer

    def progress(self, rows: int, total: int, text: str = "") -> None:
        """Say how far the current step has come."""
        self.tell(Event("progress", self.current, text, rows=rows, total=total))

    def progress_of(self, noun: str, plural: str, done: int, total: int, text: str) -> None:
        """Say how many things that are no rows are ``done``, and by ``text`` which one is next."""
        self.tell(Event("progress", self.current, text, 0.0, done, total, noun, plural))

    def count(self, text: str, rows: int, total: int) -> None:
        """Say how many rows of what ``text`` names are done, as :meth:`progress` does."""
        self.progress(rows, total, text)

    def wait(self, text: str) -> None:
        """Say what the run waits for."""
        self.tell(Event("wait", self.current, text))

    def tell(self, event: Event) -> None:
        """Pass ``event`` on."""
        _log(event)
        for hook in self.hooks:
            hook(event)
        self.listener(event)


def _log(event: Event) -> None:
    """Log ``event`` with its parts as fields of the record, less what may be personal."""
    text = _without_queries(event.text) if event.kind == "wait" else event.text
    level = logging.DEBUG if event.kind == "progress" else logging.INFO
    parts = {**vars(event), "text": text}
    logger.log(level, "%s %s: %s", event.kind, event.step, text, extra=parts)


def _without_queries(text: str) -> str:
    """Name the sessions in the way by their pids only."""
    found = ", ".join(SESSION.findall(text))
    return f"waiting for the sessions with pid {found}" if found else text
