"""What a command says to a call that it does not understand: the likely option, and one line."""

import difflib
import re
from argparse import ArgumentParser

UNKNOWN = re.compile(r"unrecognized arguments: (.*)", re.DOTALL)
CLOSE = 0.6
"""How like an option a word has to be, of 1, to be taken for it."""


def suggesting(parser: ArgumentParser) -> None:
    """Let ``parser`` name, in its error about an unknown option, the one that was likely meant."""
    refuse = parser.error

    def error(message: str) -> None:
        refuse(f"{message}{_suggestion(parser, message)}")

    parser.error = error  # type: ignore[method-assign, assignment]


def _suggestion(parser: ArgumentParser, message: str) -> str:
    found = UNKNOWN.search(message)
    if not found:
        return ""
    known = [name for action in parser._actions for name in action.option_strings]
    for word in found[1].split():
        name = f"--{word.lstrip('-').partition('=')[0].replace('_', '-').lower()}"
        close = difflib.get_close_matches(name, known, 1, CLOSE)
        if close:
            return f" (did you mean {close[0]}?)"
    return ""
