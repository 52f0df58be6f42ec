"""The checks of the record that Alembic keeps of its own migrations."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from contacts.restructuring.checks.base import Check, Finding, Found, Severity, Tag, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.alembic import read_revisions
from contacts.restructuring.state.record import read_record

NO_RECORD = "SELECT to_regclass('alembic_version') IS NULL"
RIGHTS = ("SELECT", "INSERT", "DELETE")
LACKING = "SELECT r FROM unnest(%s::text[]) r WHERE NOT has_table_privilege('alembic_version', r)"
ELSEWHERE = """
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'alembic_version' AND c.relkind IN ('r', 'v') ORDER BY 1
"""


def stampable(inspector: Inspector, revision: str) -> Found:
    """Whether a run can stamp ``revision``: asked before the work, not after it."""
    if inspector.value(NO_RECORD):
        return ["There is no table alembic_version to stamp"]
    if missing := inspector.column(LACKING, [list(RIGHTS)]):
        return [f"The role lacks {right} on alembic_version" for right in missing]
    now = ", ".join(read_revisions(inspector.cursor) or ()) or "nothing"
    return Finding(note=f"it says {now}; the run makes it say {revision}")


@check(
    "Alembic's record",
    "The application's next 'alembic upgrade head' must not run its own migration of these "
    "tables: stamp another revision with --alembic-stamp, or take that migration out.",
    Severity.WARNING,
    tags=[Tag.ALEMBIC],
)
def alembic_version(inspector: Inspector) -> Found:
    """Whether Alembic manages this database, and at which revision it says it is."""
    if inspector.value(NO_RECORD):
        return [
            f"Alembic keeps a record in schema {schema}, which is not in the search path: it may "
            "manage these tables"
            for schema in inspector.column(ELSEWHERE)
        ]
    if not inspector.value("SELECT has_table_privilege('alembic_version', 'SELECT')"):
        return ["Alembic manages this database; the role may not read at which revision"]
    versions = ", ".join(read_revisions(inspector.cursor) or ())
    return [f"Alembic manages this database, at {versions or 'no revision'}"]


@check(
    "Alembic's record is as the migration stamped it",
    "The application has migrated on: downgrade it to the stamped revision first.",
)
def alembic_record(inspector: Inspector) -> Iterator[str]:
    """Whether Alembic's record still says what the migration stamped, if it stamped anything."""
    stamped = inspector.once(read_record).alembic.get("stamped")
    if stamped is None:  # then the role may lack the right to read it
        return
    now = read_revisions(inspector.cursor)
    if now != [stamped]:
        told = "nothing" if now is None else ", ".join(now)
        yield f"Alembic's record was stamped {stamped}; now it says {told}"


def stamp_check(revision: str) -> Check:
    """Return the check that takes the place of ``alembic_version`` where a run stamps."""
    return replace(
        alembic_version,
        find=partial(stampable, revision=revision),
        hint="Run without --alembic-stamp, or where Alembic keeps its record and the role may "
        "write it.",
        severity=Severity.ERROR,
    )
