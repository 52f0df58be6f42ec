"""The other application's record of its own migrations.

Left as it is, its next ``alembic upgrade head`` would run its own migration on our result. So a run
can stamp another revision, in its transaction, and a rollback puts back what stood there.
"""

from typing import Any

from contacts.restructuring.failures import ROLLED_BACK, Failure
from jmsk.postgres.queries import column, is_there


def read_revisions(cursor: Any) -> list[str] | None:
    """Return the revisions that Alembic has recorded, or None if it keeps no record here."""
    if not is_there(cursor, "alembic_version"):
        return None
    return column(cursor, "SELECT version_num FROM alembic_version ORDER BY version_num")


def stamp(cursor: Any, revision: str) -> dict[str, Any]:
    """Let Alembic's record say ``revision``; return what is to be remembered.

    Raises Failure if there is no record to stamp.
    """
    before = read_revisions(cursor)
    if before is None:
        raise Failure(
            "MC604",
            f"There is no table alembic_version to stamp. {ROLLED_BACK} Run again without "
            "--alembic-stamp.",
        )
    _write(cursor, [revision])
    return {"before": before, "stamped": revision}


def put_back(cursor: Any, remembered: dict[str, Any]) -> None:
    """Let Alembic's record say again what it said before it was stamped."""
    if remembered:
        _write(cursor, remembered["before"])


def _write(cursor: Any, revisions: list[str]) -> None:
    cursor.execute("DELETE FROM alembic_version")
    cursor.execute(
        "INSERT INTO alembic_version (version_num) SELECT unnest(%s::text[])", [revisions]
    )
