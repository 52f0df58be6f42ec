"""Numbers in sentences."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return ``number`` with its ``noun``: "1 row", "2,000 rows".

    ``plural`` is needed where an s does not make one: "2 companies".
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
