"""Which run made the database what it is, as the migrations and the command ask."""

from typing import Any

from contacts.created_companies import Row

BESIDE = (
    "bridge",
    "bridge dropped",
    "repair",
    "enforcement",
    "preparation",
    "abandonment",
)
"""The kinds of runs after which the tables hold what they held, at the stage at which they were."""


def current_run(apps: Any, alias: str) -> Any:
    """Return the run whose transaction this is, or None outside ``migrate_contacts``."""
    runs = apps.get_model("contacts", "RestructuringRun").objects.using(alias)
    return runs.extra(where=["transaction_id = pg_current_xact_id()::text::bigint"]).first()


def latest_migration(apps: Any, alias: str) -> Any:
    """Return the run that made the database what it is, or None if none did.

    None where a later run took its work back, and where Django itself made the tables. Runs are
    told apart by their ids: the clock may have been set back between two.
    """
    # What restored a migrated database left it migrated.
    runs = _ended_runs(apps, alias).exclude(kind="restore", counts__has_key="contacts")
    latest = runs.first()
    return latest if latest is not None and latest.kind == "migration" else None


def created_companies(apps: Any, alias: str) -> list[int]:
    """Return the ids of the default companies in these rows that a migration created.

    The latest run knows them: the migration itself, or the restore of a migrated database, whose
    rows may come of another migration.
    """
    latest = _ended_runs(apps, alias).first()
    return latest.created_companies if latest is not None else []


def created_rows(apps: Any, alias: str) -> dict[int, Row | None]:
    """Return those companies as they were created, by id; None where that was not remembered."""
    latest = _ended_runs(apps, alias).first()
    if latest is None:
        return {}
    rows = latest.legacy_objects.get("companies", {}).get("created", {})
    return {company: rows.get(str(company)) for company in latest.created_companies}


def _ended_runs(apps: Any, alias: str) -> Any:
    """Return the runs that made the tables what they are, the latest first.

    The one in progress is none of them.
    """
    runs = apps.get_model("contacts", "RestructuringRun").objects.using(alias)
    ended = runs.extra(
        where=["transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint"]
    )
    return ended.exclude(kind__in=BESIDE).order_by("-id")
