"""Numbers and times in sentences: one way to write each."""

from datetime import UTC, datetime


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``number`` with its ``noun``: "1 row", "2,000 rows".

    ``plural`` is needed where an s does not make one: "2 companies".
    """
    return inflected(number, noun, plural or f"{noun}s")


def inflected(number: int, singular: str, plural: str) -> str:
    """Return ``number`` with the words that go with it: "1 row goes", "2,000 rows go"."""
    return f"{number:,} {singular if number == 1 else plural}"


def moment(when: datetime) -> str:
    """Return an aware time as all texts have it: "2026-11-27 06:12:55 UTC"."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def mebibytes(size: int) -> str:
    """Say a number of bytes for people."""
    return f"{size / 2**20:,.1f} MiB"
