"""What moves on the operator's terminal, or is noted in a log, while a step takes its time.

tqdm draws. A thread of its own keeps the clock running while the server works, and reads over a
second connection how far the server is. Where there is no terminal, it notes now and then what the
call is at, so that nobody has to guess whether it is still alive.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contacts.restructuring.console.bars import CLOCK, draw, fitted, shape_of
from contacts.restructuring.console.course import Course, Step, clock
from contacts.restructuring.console.terminal import (
    FittedOutput,
    columns,
    is_dumb,
)
from contacts.restructuring.console.watch import ServerWatch
from contacts.restructuring.journal import Event

logger = logging.getLogger("contacts.restructuring")

TICK = 0.25
TICKS_TO_A_LOOK = 4
"""Every how many ticks of that many seconds the server is asked."""
QUIET = 10.0
"""After so many seconds without a line, a log gets one."""

PARTS = ("Applying ", "Reversing ")
"""How the names of steps begin that are parts of another one."""
WATCH_FROM = (("end", "locks"), ("begin", "compare"))
WATCH_UNTIL = (("begin", "commit"), ("end", "compare"))
"""When the server is watched. Not while the run waits for the tables: other snapshots, even short
ones, are in its way then."""


def is_part(step: str) -> bool:
    """Whether the step ``step`` is a part of another one, whose time holds its own."""
    return step.startswith(PARTS)


def progress_on(output: FittedOutput, alias: str) -> "Progress":
    """Return what draws on ``output`` if that is a terminal, or else notes there what goes on."""
    moving = output.isatty() and not is_dumb()
    return Progress(output.stream, alias, None if moving else output.remark)


@dataclass
class Progress:
    """Draws the journal's events on ``stream``, a terminal; ``alias`` names the database.

    With ``note`` nothing is drawn: it is called with a line where nothing was said for a while.
    """

    stream: Any
    alias: str
    note: Callable[[str], None] | None = None
    course: Course = field(default_factory=Course)
    drawn: Step | None = None
    bar: Any = None
    text: str = ""
    shape: str = CLOCK
    counted: str = ""
    rows: str = ""
    watch: ServerWatch | None = None
    paused: bool = False
    said: float = field(default_factory=time.monotonic)
    logged: float = field(default_factory=time.monotonic)
    guard: threading.RLock = field(default_factory=threading.RLock)
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def place_of(self, event: Event) -> str:
        """Return which step of how many ``event`` begins or ends, '' where it is a part of one."""
        return self.course.place_of(event.step)

    @property
    def moving(self) -> bool:
        """Whether it is drawn."""
        return self.note is None

    def begin(self) -> None:
        """Start the clock."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._tick, name="progress", daemon=True)
            self.thread.start()

    def expect(self, plan: Sequence[str], forecast: Mapping[str, float]) -> None:
        """Count the steps of ``plan``, and the time left by the seconds that they took before."""
        with self.guard:
            self.course.plan, self.course.forecast = tuple(plan), dict(forecast)

    def hear(self, event: Event) -> None:
        """Draw ``event``."""
        with self.guard:
            self.course.hear(event)
            if event.kind == "progress":
                self._draw_rows(event)
                return
            self.rows, self.logged = "", time.monotonic()
            if (event.kind, event.step) in WATCH_FROM:
                self.watch = ServerWatch(self.alias)
            elif (event.kind, event.step) in WATCH_UNTIL:
                self.watch = None
            self._draw_step()
        self.begin()

    def _draw_step(self) -> None:
        self._put_away()
        # Between two steps something is drawn only if it takes a while: see _refresh.
        if self.moving and self.course.steps:
            self._draw_clock()

    def _draw_clock(self) -> None:
        self.drawn = self.course.now
        self.text = f"{self.course.place}{self.drawn.text}"
        self._draw(CLOCK)

    def _draw_rows(self, event: Event) -> None:
        self.rows = f"{event.text}: {event.done}"
        if event.rows >= event.total:  # what follows is not about rows
            self.rows = ""
            if self.counted:
                self._draw_step()
            return
        if not self.moving:
            return
        if self.counted != event.text:
            self._put_away()
            self.counted = event.text
            self.text = f"{self.course.place}{event.text}"
            self._draw(shape_of(event), event.total)
        self.bar.update(event.rows - self.bar.n)

    def _draw(self, shape: str, total: int = 0) -> None:
        remarks, self.shape = self.course.remarks(), shape
        text = fitted(self.text, remarks, shape, self.stream)
        self.bar = draw(self.stream, text, remarks, shape, total)

    def _put_away(self) -> None:
        self.counted, self.drawn = "", None
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar off the terminal while something is written there."""
        with self.guard:
            if self.bar is not None:
                self.bar.clear()
            yield
            self.said = time.monotonic()
            if self.bar is not None:
                self.bar.refresh()

    @contextmanager
    def question(self) -> Iterator[None]:
        """Leave the terminal alone while a person thinks."""
        with self.guard:
            self.paused = True
            self._put_away()
        try:
            yield
        finally:
            with self.guard:
                self.paused, self.said = False, time.monotonic()

    def _tick(self) -> None:
        """Keep the clock running, and look now and then at what the server works on."""
        ticks, watch, seen = 0, None, ""
        while not self.ended.wait(TICK):
            ticks += 1
            if watch is not None and watch is not self.watch:
                watch.close()
                seen = ""
            watch = self.watch
            if watch is not None and ticks % TICKS_TO_A_LOOK == 0 and self._wants_a_look():
                seen = watch.look() or ""
            with self.guard:
                if not self.paused:
                    self._refresh(seen)
        if watch is not None:
            watch.close()

    def _wants_a_look(self) -> bool:
        return self.moving or time.monotonic() - self.said >= QUIET

    def _refresh(self, seen: str) -> None:
        clocks = self.course.remarks()
        self._say_alive([part for part in (self.rows, seen, *clocks) if part])
        if not self.moving:
            return
        idle = time.monotonic() - self.course.now.since
        if self.bar is None and idle >= 1:
            self._draw_clock()
        if self.bar is not None:
            # What may be cut off stands last.
            drawn = [*clocks, "" if self.counted else self.rows, seen]
            self.bar.set_postfix_str(", ".join(filter(None, drawn)), refresh=False)
            self.bar.set_description_str(
                fitted(self.text, clocks, self.shape, self.stream), refresh=False
            )
            self.bar.ncols = columns(self.stream)  # somebody may have made the window smaller
            self.bar.refresh()

    def _say_alive(self, remarks: list[str]) -> None:
        """Note what the call is at, in the log and where nothing is drawn, after a while."""
        moment, now = time.monotonic(), self.course.now
        took = clock(moment - now.since)
        told = ", ".join([f"{self.course.place}{now.text}: {took} so far", *remarks])
        if moment - self.logged >= QUIET:
            self.logged = moment
            logger.info("alive %s: %s", now.name or "between steps", told)
        if self.note is not None and moment - self.said >= QUIET:
            self.said = moment
            self.note(told)

    def close(self) -> None:
        """Take everything off the terminal and end the thread. Nothing is drawn afterwards."""
        with self.guard:
            self.paused, self.watch = True, None
            self._put_away()
        self.ended.set()
        if self.thread is not None:
            self.thread.join(timeout=5)
