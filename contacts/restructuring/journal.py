"""The record of a run: which step took how long, and what the operator is to be told meanwhile."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

logger = logging.getLogger("contacts.restructuring")


@dataclass(frozen=True)
class Event:
    """Something that happened: ``kind`` is 'begin', 'progress', 'wait' or 'end'.

    ``step`` names the step for programs, ``text`` says it for people; ``seconds`` is how long it
    took, at its end; ``rows`` of ``total`` are done, where a step counts rows (0: unknown).
    """

    kind: str
    step: str
    text: str = ""
    seconds: float = 0.0
    rows: int = 0
    total: int = 0


@dataclass
class Journal:
    """Measures the steps of a run and passes each event on to ``listener`` and to the log.

    ``hooks`` are called with each event before the listener: the transaction uses one to hold the
    promised window and one to see which locks a step took.
    """

    listener: Callable[[Event], None]
    seconds: dict[str, float] = field(default_factory=dict)
    hooks: list[Callable[[Event], None]] = field(default_factory=list)
    current: str = ""

    @contextmanager
    def step(self, name: str, text: str = "") -> Iterator[None]:
        """Measure what runs inside, under ``name``; ``text`` says it for people."""
        self.current = name
        self.tell(Event("begin", name, text or name))
        start = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + took
        self.tell(Event("end", name, text or name, took))

    def progress(self, rows: int, total: int, text: str = "") -> None:
        """Say how far the current step has come."""
        self.tell(Event("progress", self.current, text, rows=rows, total=total))

    def wait(self, text: str) -> None:
        """Say what the run waits for."""
        self.tell(Event("wait", self.current, text))

    def tell(self, event: Event) -> None:
        """Pass ``event`` on."""
        if event.kind != "progress":
            logger.info(
                "%s %s: %s",
                event.kind,
                event.step,
                event.text,
                extra={"kind": event.kind, "step": event.step, "seconds": event.seconds},
            )
        for hook in self.hooks:
            hook(event)
        self.listener(event)
