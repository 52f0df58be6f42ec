"""The one line that moves on a terminal: a clock, or a bar of what is counted. tqdm draws it."""

import re
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from contacts.restructuring.console.terminal import NARROWEST, columns, shows_marks
from contacts.restructuring.journal import Event
from jmsk.wording import counted

CLOCK = "{desc} {elapsed}{postfix}"
ROWS = (
    "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}, {n:,}/TOTAL, "
    "{rate_noinv_fmt}"
)
THINGS = "{desc}: {n:,} of TOTAL|{bar}| {elapsed}{postfix}"
"""What is drawn: whole numbers, and last what may be cut off on a narrow terminal."""
BESIDE_A_CLOCK, BESIDE_A_BAR = " 00:00:00, ", ": 100%|#| 00:00<00:00, "
"""What stands beside a text besides the remarks, at its widest."""
NUMBERED = re.compile(r"^Step (\d+) of (\d+): ")
HEIGHT = 20
"""Of a terminal in rows, for tqdm, which draws one."""


def shape_of(event: Event) -> str:
    """Return how the progress of ``event`` is drawn: rows with their rate, things by number."""
    shape = ROWS if event.plural == "rows" else THINGS
    return shape.replace("TOTAL", counted(event.total, event.noun, event.plural))


def draw(stream: Any, text: str, remarks: Sequence[str], shape: str, total: int) -> Any:
    """Draw a bar on ``stream``, and return it.

    It goes without tqdm's own watching thread: ours keeps it moving.
    """
    tqdm.monitor_interval = 0
    return tqdm(
        desc=text,
        total=total or None,
        postfix=", ".join(remarks),
        bar_format=shape,
        unit=" rows",
        unit_scale=True,
        leave=False,
        ascii=not shows_marks(stream),
        # tqdm would draw nothing on a terminal that does not say how large it is.
        ncols=columns(stream),
        nrows=HEIGHT,
        file=stream,
    )


def fitted(text: str, remarks: Sequence[str], shape: str, stream: Any) -> str:
    """Return ``text`` so short that the clocks beside it, ``remarks``, are not cut off.

    First its number gets shorter: "6/10: " instead of "Step 6 of 10: ".
    """
    width = columns(stream)
    if width is None:
        return text
    beside = BESIDE_A_CLOCK if shape == CLOCK else BESIDE_A_BAR
    room = max(NARROWEST, width - len(beside) - len(", ".join(remarks)))
    if len(text) > room:
        text = NUMBERED.sub(r"\1/\2: ", text)
    return text if len(text) <= room else f"{text[: room - 3]}..."
