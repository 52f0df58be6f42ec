"""Numbers and times in sentences: one way to write each."""

from datetime import UTC, datetime


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``number`` with its ``noun``: "1 row", "2,000 rows".

    ``plural`` is needed where an s does not make one: "2 companies".
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def moment(when: datetime) -> str:
    """Return an aware time as all texts have it: "2026-11-27 06:12:55 UTC"."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
