"""Whether a backup fits the database that it is to be restored into."""

from collections.abc import Iterator

from contacts.restructuring.backup.manifest import Backup, TableBackup
from contacts.restructuring.database.layout import Layout, Stage
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.restore.difference import was_migrated_since
from orders.snapshot import snapshot_gone

TARGETS = {
    Stage.LEGACY: (Stage.LEGACY, Stage.MIGRATED, Stage.PARTIAL, Stage.EMPTY),
    Stage.MIGRATED: (Stage.MIGRATED,),
}
"""The stages of a database into which a backup of each stage can be restored."""

MIGRATE = "run 'manage.py migrate_contacts' first"
FIRST = {
    (Stage.LEGACY, Stage.PREPARED): "run 'manage.py migrate_contacts --abandon' first",
    (Stage.MIGRATED, Stage.LEGACY): MIGRATE,
    (Stage.MIGRATED, Stage.PREPARED): MIGRATE,
    (Stage.MIGRATED, Stage.PARTIAL): "run 'manage.py migrate_contacts --recover' first, then "
    "'manage.py migrate_contacts'",
    (Stage.MIGRATED, Stage.EMPTY): "restore a backup of the legacy tables first, then run "
    "'manage.py migrate_contacts'",
}
"""What leads to where a backup can be restored, by its stage and that of the database."""


def first(backup: str, now: Stage) -> str:
    """Say what has to be run before a backup of the stage ``backup`` can be restored."""
    if backup not in TARGETS:
        return f"a backup of a {backup} database is kept for the record and restored nowhere"
    unknown = "put right what is odd about the database first"
    return FIRST.get((Stage(backup), now), unknown)


def require_fit(layout: Layout, backup: Backup) -> None:
    """Raise Failure, which says why, if ``backup`` cannot be restored into the database."""
    stage = backup.manifest.stage
    targets = TARGETS.get(stage, ())
    if layout.stage not in targets:
        told = (
            f"can be restored into a database that is {' or '.join(targets)}; this one is "
            f"{layout.stage}"
            if targets
            else "is kept for the record: it can be restored into none"
        )
        before = f"To restore it, {first(stage, layout.stage)}. For another" if targets else "For a"
        raise Failure(
            "MC701",
            f"{backup.path} is the backup of a {stage} database and {told}. {UNCHANGED} {before} "
            "backup that fits, see 'manage.py migrate_contacts --status'.",
        )
    problems = misfits(layout, backup)
    if problems:
        raise Failure(
            "MC702",
            f"{backup.path} does not fit the tables: {'; '.join(problems)}. {UNCHANGED} Give the "
            "tables the columns that they had, then run again.",
        )


def misfits(layout: Layout, backup: Backup) -> list[str]:
    """Return in what the tables differ from those of ``backup``, a sentence for each column."""
    return [] if layout.stage == Stage.EMPTY else list(_misfits(layout, backup))


def _misfits(layout: Layout, backup: Backup) -> Iterator[str]:
    renamed = {"customer_id": "contact_id"} if was_migrated_since(layout, backup) else {}
    added = ADDED if layout.stage != backup.manifest.stage else {}
    for table in backup.manifest.tables:
        found = layout.holding(table.table)
        yield from _column_misfits(found, table, renamed, added.get(found.name, ()))
        if table.table == "orders" and (gone := snapshot_gone(found.column_names)):
            yield gone


def _column_misfits(
    found: Table, table: TableBackup, renamed: dict[str, str], added: tuple[str, ...]
) -> Iterator[str]:
    now = dict(found.by_name)
    for column in table.columns:
        present = now.pop(renamed.get(column.name, column.name), None)
        if present is None:
            yield f"{found.name} has no column {column.name}, which the backup has"
        elif (present.type, present.generated) != (column.type, column.generated):
            yield f"{found.name}.{present.name} is {present.type}, and in the backup {column.type}"
    for name in now:
        if name not in added:
            yield f"{found.name} has a column {name}, which the backup does not have"
