"""Fitting text to where it is read: its width, its encoding, and whether it shows colours."""

import os
import re
import shutil
import textwrap
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.management.base import OutputWrapper

from contacts.restructuring.failures import Failure

SPELLED = {
    "✓": "[OK]",
    "✗": "[FAILED]",
    "⚠": "[WARNING]",
    "→": "->",
    "…": "...",
    "—": "-",
    "“": '"',
    "”": '"',
}
"""How marks are spelled where they cannot be shown."""

SET_BY_PYTHON = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself writes into LC_CTYPE where the locale is C: it says nothing of the user's."""

UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""A name of somebody's choosing must not move the cursor, change colours or turn the text round."""

LINE_BREAKS = re.compile("[\n\u2028\u2029]")
"""In a line that tells a name: it must not begin another line, which might tell a lie."""

HANGING = re.compile(r"\s*(?:(?:[-→✓✗⚠]|->|\[[A-Z]+\]|\d+\.)\s+)?")
NARROWEST = 20


def columns(stream: Any) -> int | None:
    """Return the width of the terminal behind ``stream``, or None if it is none.

    COLUMNS in the environment goes first, as everywhere.
    """
    if not stream.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given):
        return max(int(given), NARROWEST)
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, AttributeError, ValueError):
        width = 0
    return max(width or shutil.get_terminal_size().columns, NARROWEST)


def shows_marks(stream: Any) -> bool:
    """Whether ``stream`` can show ✓ and its like."""
    # In the C locale Python writes UTF-8, which a terminal of that locale need not read.
    if stream.isatty() and _locale() in ("C", "POSIX"):
        return False
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        "".join(SPELLED).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _locale() -> str:
    kind = os.environ.get("LC_CTYPE", "")
    own = "" if kind in SET_BY_PYTHON else kind
    return os.environ.get("LC_ALL") or own or os.environ.get("LANG", "")


def wants_no_colour() -> bool:
    """Whether the environment asks for no colours (https://no-color.org), or has none."""
    return bool(os.environ.get("NO_COLOR")) or is_dumb()


def is_dumb() -> bool:
    """Whether the terminal can do nothing but print one line after the other."""
    return os.environ.get("TERM") == "dumb"


def printable(text: str, unwanted: re.Pattern[str] = UNPRINTABLE) -> str:
    """Return ``text`` with each ``unwanted`` character spelled as its number."""
    return unwanted.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def spell(text: str, stream: Any) -> str:
    """Return ``text`` in characters that ``stream`` can take, whatever is in it."""
    text = printable(text)
    if not shows_marks(stream):
        for mark, spelled in SPELLED.items():
            text = text.replace(mark, spelled)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def wrap(line: str, width: int | None) -> str:
    """Return ``line`` in lines of ``width`` columns, hanging under its text; None: as it is.

    Words are never broken: a path that is longer than the line stays whole.
    """
    if width is None or len(line) <= width:
        return line
    if set(line) == {"="}:
        return "=" * width
    hanging = HANGING.match(line)
    indent = " " * len(hanging[0]) if hanging else ""
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


class FittedOutput(OutputWrapper):
    """Django's wrapper of a stream, which fits what is written to the stream.

    Parameters: ``wrapped``, the command's own wrapper; ``coloured``, False for no styles at all,
    True for styles even where nobody looks, None for styles where the stream is a terminal.

    A stream that cannot be written is ``lost``: it is written to no more. While the output is
    ``needed`` that raises Failure; once the work is done it must not undo its success.
    """

    lost = False
    needed = True

    def __init__(self, wrapped: OutputWrapper, coloured: bool | None = None) -> None:
        stream: Any = wrapped._out
        super().__init__(stream, wrapped.ending)
        self.stream = stream
        self.coloured = self.isatty() if coloured is None else coloured
        self.style_func = wrapped.style_func if self.coloured else None

    def write(  # type: ignore[override]
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
        *,
        verbatim: bool = False,
    ) -> None:
        """Write ``msg``; where it is not to be pasted (``verbatim``), in lines that fit."""
        width = None if verbatim else columns(self)
        fitted = "\n".join(wrap(line, width) for line in spell(msg, self).split("\n"))
        styled = style_func if self.coloured else None
        self._reach(lambda: super(FittedOutput, self).write(fitted, styled, ending))

    def write_as_it_is(self, text: str) -> None:
        """Write ``text`` for programs: not fitted, not styled."""
        self._reach(lambda: self.stream.write(text))

    def remark(self, text: str) -> None:
        """Write a line that nobody needs. Where that fails, the next one that is needed fails."""
        if self.lost or self.stream is None:
            return
        with suppress(OSError, ValueError):
            self.stream.write(f"{spell(text, self)}\n")
            self.stream.flush()

    def flush(self) -> None:
        """Hand on what is held back."""
        self._reach(super().flush)

    def _reach(self, write: Callable[[], Any]) -> None:
        if self.lost:
            return
        try:
            if self.stream is None:  # so Python says that it was started without
                raise ValueError("the stream is closed")
            write()
        except (OSError, ValueError) as error:
            self.lost = True
            _lead_nowhere(self.stream)
            if self.needed:
                raise Failure(
                    "MC105",
                    f"The output cannot be written ({error}), so the run has ended. No transaction "
                    "of it was committed: the database is as it was.",
                ) from error


def _lead_nowhere(stream: Any) -> None:
    """What is still held back for ``stream`` must not fail again when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
