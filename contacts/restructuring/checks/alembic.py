"""The checks of the record that Alembic keeps of its own migrations."""

from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.alembic import read_revisions
from contacts.restructuring.state.record import read_record

RIGHTS = ("SELECT", "INSERT", "DELETE")


def stamp_check(revision: str) -> Check:
    """Return the check of whether a run can stamp ``revision``: before the work, not after it."""
    return Check(
        "alembic_version",
        "Alembic's record",
        Severity.ERROR,
        lambda inspector: _stampable(inspector, revision),
        "Run without --alembic-stamp, or where Alembic keeps its record and the role may write it.",
    )


def _stampable(inspector: Inspector, revision: str) -> Finding:
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


def alembic(inspector: Inspector) -> Finding:
    if inspector.value("SELECT to_regclass('alembic_version') IS NULL"):
        return Finding()
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
