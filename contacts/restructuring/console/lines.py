"""Lines of output: the words in which results are told, on a terminal and in the text report.

A line knows how important it is and how it may be styled, not where it goes: the console chooses by
verbosity, and the terminal wraps, colours and spells it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contacts.restructuring.console.terminal import LINE_BREAKS, printable

WIDTH = 60
NORMAL, DETAILED, EVERYTHING = 1, 2, 3
"""Levels of verbosity, Django's numbers."""


@dataclass(frozen=True)
class Line:
    """A line of output.

    ``style`` is the name of one of Django's terminal styles, or ''. ``level`` is the verbosity from
    which on it is shown. A ``verbatim`` line is to be pasted somewhere: it is never wrapped.
    """

    text: str = ""
    style: str = ""
    level: int = NORMAL
    verbatim: bool = False


def one_line(line: Line) -> str:
    """Return the text of ``line``, which stays one line whatever name is in it."""
    return printable(line.text, LINE_BREAKS)


def heading(title: str, style: str = "MIGRATE_HEADING") -> list[Line]:
    """Return a section's title between two rules."""
    rule = Line("=" * WIDTH, style)
    return [Line(), rule, Line(title, style), rule, Line()]


def banner(title: str, text: str) -> list[Line]:
    """Return the closing lines of a section that went well."""
    rule = Line("=" * WIDTH, "SUCCESS")
    told = [Line(f"  {line}", "SUCCESS") for line in text.splitlines()]
    return [Line(), rule, Line(title, "SUCCESS"), *told, rule]


def plain_text(lines: Iterable[Line]) -> str:
    """Return all that ``lines`` can tell, as plain text."""
    return "\n".join(printable(one_line(line)) for line in lines) + "\n"
