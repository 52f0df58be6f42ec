"""What a way back has to bring back: the whole database but Django's own tables, as text."""

import difflib

from tests.support.database.databases import Database

DJANGOS_OWN = ("django_*", "auth_*", "contacts_restructuringrun*", "settling_*")


def photograph(database: Database) -> str:
    """Return pg_dump's text of everything but Django's own tables, each table's rows sorted."""
    lines: list[str] = []
    rows: list[str] | None = None
    for line in database.dump(*(f"--exclude-table={name}" for name in DJANGOS_OWN)).splitlines():
        if rows is None:
            lines.append(line)
            rows = [] if line.startswith("COPY ") else None
        elif line == "\\.":
            lines += [*sorted(rows), line]
            rows = None
        else:
            rows.append(line)
    return "\n".join(lines)


def changes(before: str, after: str) -> list[str]:
    """Return the lines that two photographs do not share, as a diff marks them."""
    compared = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=0)
    return list(compared)


def without_sequence(photographed: str, sequence: str) -> str:
    """Return the photograph less the position of one sequence."""
    return "\n".join(
        line
        for line in photographed.splitlines()
        if not line.startswith(f"SELECT pg_catalog.setval('public.{sequence}'")
    )
