"""The checks of the record that Alembic keeps of its own migrations."""

from functools import partial

from contacts.restructuring.checks.base import Check, Finding, Severity, Tag, problems
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.alembic import read_revisions
from contacts.restructuring.state.record import read_record

RIGHTS = ("SELECT", "INSERT", "DELETE")
ELSEWHERE = """
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'alembic_version' AND c.relkind IN ('r', 'v') ORDER BY 1
"""


def stampable(inspector: Inspector, revision: str) -> Finding:
    """Whether a run can stamp ``revision``: asked before the work, not after it."""
    if inspector.value("SELECT to_regclass('alembic_version') IS NULL"):
        return problems(["There is no table alembic_version to stamp"])
    missing = inspector.rows(
        "SELECT r FROM unnest(%s::text[]) r WHERE NOT has_table_privilege('alembic_version', r)",
        [list(RIGHTS)],
    )
    if missing:
        return problems(f"The role lacks {right} on alembic_version" for (right,) in missing)
    now = ", ".join(read_revisions(inspector.cursor) or ()) or "nothing"
    return Finding(note=f"it says {now}; the run makes it say {revision}")


def managed(inspector: Inspector) -> Finding:
    """Whether Alembic manages this database, and at which revision it says it is."""
    if inspector.value("SELECT to_regclass('alembic_version') IS NULL"):
        return problems(
            f"Alembic keeps a record in schema {schema}, which is not in the search path: it may "
            "manage these tables"
            for (schema,) in inspector.rows(ELSEWHERE)
        )
    if not inspector.value("SELECT has_table_privilege('alembic_version', 'SELECT')"):
        return problems(["Alembic manages this database; the role may not read at which revision"])
    versions = ", ".join(
        row[0] for row in inspector.rows("SELECT version_num FROM alembic_version")
    )
    return problems([f"Alembic manages this database, at {versions or 'no revision'}"])


def alembic_record(inspector: Inspector) -> Finding:
    """Whether Alembic's record still says what the migration stamped, if it stamped anything."""
    stamped = read_record(inspector.cursor).alembic.get("stamped")
    if stamped is None:  # then the role may lack the right to read it
        return Finding()
    now = read_revisions(inspector.cursor)
    if now == [stamped]:
        return Finding()
    told = "nothing" if now is None else ", ".join(now)
    return problems([f"Alembic's record was stamped {stamped}; now it says {told}"])


def stamp_check(revision: str) -> Check:
    """Return the check that takes the place of CHECK where a run is to stamp ``revision``."""
    return Check(
        CHECK.id,
        CHECK.title,
        partial(stampable, revision=revision),
        "Run without --alembic-stamp, or where Alembic keeps its record and the role may write it.",
    )


CHECK = Check(
    "alembic_version",
    "Alembic's record",
    managed,
    "The application's next 'alembic upgrade head' must not run its own migration of these "
    "tables: stamp another revision with --alembic-stamp, or take that migration out.",
    Severity.WARNING,
    frozenset({Tag.ALEMBIC}),
)
CHECK_BACK = Check(
    "alembic_record",
    "Alembic's record is as the migration stamped it",
    alembic_record,
    "The application has migrated on: downgrade it to the stamped revision first.",
)
