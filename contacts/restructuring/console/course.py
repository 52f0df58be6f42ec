"""Where a call is: its steps, how many there are, for how long it locks out, what is left."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contacts.restructuring.journal import Event

BETWEEN = "Working"
"""What is told where no step is open."""


@dataclass(frozen=True)
class Step:
    """A step that has begun: its ``name`` for programs, its ``text``, and when, monotonic."""

    name: str
    text: str
    since: float


@dataclass
class Course:
    """Follows the events of a call.

    ``plan`` names the steps that the mode takes, in order; ``forecast`` is how many seconds each
    took last time. ``locked_since`` is the moment at which others were locked out, if they are.
    """

    plan: Sequence[str] = ()
    forecast: Mapping[str, float] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    rest: Step = field(default_factory=lambda: _begun("", "Connecting to the database"))
    locked_since: float | None = None

    def hear(self, event: Event) -> None:
        """Take note of ``event``."""
        if event.kind == "begin" and event.step == "commit":
            self.steps.clear()
            self.rest = _begun(event.step, event.text)
        elif event.kind == "begin":
            self.steps.append(_begun(event.step, event.text))
        elif event.kind == "end":
            # Steps that failed have no end: what is above the ended one goes with it.
            ended = [number for number, step in enumerate(self.steps) if step.name == event.step]
            del self.steps[ended[-1] if ended else len(self.steps) :]
            self.rest = _begun("", BETWEEN)
        elif event.kind == "locked":
            self.locked_since = time.monotonic()
        elif event.kind == "unlocked":
            self.locked_since = None
            self.rest = _begun("", BETWEEN)

    @property
    def now(self) -> Step:
        """The innermost step that is open, or what lies between two steps."""
        return self.steps[-1] if self.steps else self.rest

    @property
    def place(self) -> str:
        """Which step of how many this is, '' where that is not known."""
        return self._place(self.steps[0].name if self.steps else self.rest.name)

    def place_of(self, step: str) -> str:
        """Return which step of how many ``step`` is, which has begun or ended just now."""
        return "" if self.steps else self._place(step)

    def _place(self, name: str) -> str:
        if name not in self.plan:
            return ""
        return f"Step {self.plan.index(name) + 1} of {len(self.plan)}: "

    def remarks(self) -> list[str]:
        """Return the clock of the lock-out and the time left, where there are such."""
        told = []
        if self.locked_since is not None:
            told.append(f"locked out for {clock(time.monotonic() - self.locked_since)}")
        left = self._seconds_left()
        if left is not None:
            told.append(f"about {clock(left)} left")
        return told

    def _seconds_left(self) -> float | None:
        """Return how long the rest takes if it takes as long as last time."""
        outer = self.steps[0] if self.steps else self.rest
        if outer.name not in self.plan or not self.forecast:
            return None
        later = self.plan[self.plan.index(outer.name) + 1 :]
        mine = self.forecast.get(outer.name, 0) - (time.monotonic() - outer.since)
        return max(0, mine) + sum(self.forecast.get(name, 0) for name in later)


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _begun(name: str, text: str) -> Step:
    return Step(name, text, time.monotonic())
