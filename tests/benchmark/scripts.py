"""B and C: the same schema by SQL alone, in one transaction."""

import time
from importlib import import_module
from pathlib import Path

from django.db.migrations import RunSQL

from tests.support.database.databases import Database

HERE = Path(__file__).parent
TRIGGERS = (
    "companies.migrations.0003_triggers",
    "contacts.migrations.0004_triggers",
    "orders.migrations.0003_triggers",
)


def script(name: str) -> str:
    """Return the whole SQL of ``plain`` (B) or ``tuned`` (C)."""
    files = [HERE / f"{part}.sql" for part in ("addresses", name, "checks")]
    parts = [file.read_text(encoding="utf-8") for file in files]
    # psql stops at the first error, and then the transaction is never committed.
    return "\n".join(["BEGIN;", *parts, *_triggers(), "COMMIT;"])


def _triggers() -> list[str]:
    """Return what makes the triggers, from the migrations that make them."""
    operations = [
        operation
        for module in TRIGGERS
        for operation in import_module(module).Migration.operations
        if isinstance(operation, RunSQL)
    ]
    return [str(operation.sql) for operation in operations]


def restructure(database: Database, name: str) -> float:
    """Restructure a legacy database by a script; return the seconds that it took."""
    text = script(name)
    started = time.monotonic()
    database.run_script(text)
    return time.monotonic() - started
