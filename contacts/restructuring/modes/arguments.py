"""What the options take: each function reads one, or says why it cannot."""

from argparse import ArgumentTypeError
from contextlib import suppress


def seconds(text: str) -> float:
    """Read a number of seconds above zero. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        number = float(text)
        if 0 < number <= 86_400:
            return number
    raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to 86400")


def tries(text: str) -> int:
    """Read a number of tries, at least one. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        number = int(text)
        if 0 < number <= 10_000:
            return number
    raise ArgumentTypeError(f"{text!r} is not a number of tries from 1 to 10000")


def revision(text: str) -> str:
    """Read an Alembic revision, which its table holds in 32 characters."""
    if not 0 < len(text) <= 32 or not text.isprintable():
        raise ArgumentTypeError(f"{text!r} is not an Alembic revision of 1 to 32 characters")
    return text
