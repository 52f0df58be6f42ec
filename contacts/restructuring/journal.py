"""The record of a run: which step took how long, and what the operator is to be told meanwhile."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

logger = logging.getLogger("contacts.restructuring")


@dataclass(frozen=True)
class Event:
    """Something that happened: ``kind`` is 'begin', 'end' or 'wait'. ``seconds`` is set at the end.

    ``rows`` is the number of rows done, where a step counts them.
    """

    kind: str
    step: str
    text: str = ""
    seconds: float = 0.0
    rows: int = 0


@dataclass
class Journal:
    """Measures the steps of a run and passes each event on to ``listener`` and to the log."""

    listener: Callable[[Event], None]
    seconds: dict[str, float] = field(default_factory=dict)
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

    def record(self, name: str, seconds: float) -> None:
        """Note a step that somebody else has measured."""
        self.seconds[name] = seconds
        self.tell(Event("end", name, name, seconds))

    def wait(self, text: str) -> None:
        """Say what the run waits for."""
        self.tell(Event("wait", self.current, text))

    def tell(self, event: Event) -> None:
        """Pass ``event`` on."""
        logger.info(
            "%s %s %s",
            event.kind,
            event.step,
            event.text,
            extra={"step": event.step, "kind": event.kind, "seconds": event.seconds},
        )
        self.listener(event)
