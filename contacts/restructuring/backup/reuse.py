"""A backup that was just written need not be written again: after a no, it is still there.

It is used only where a backup taken now would say of itself exactly what this one says: the same
rows by their fingerprints, the same columns, objects and sequences, of the same database.
"""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from contacts.restructuring.backup.errors import readable
from contacts.restructuring.backup.fixture_file import Written
from contacts.restructuring.backup.listing import whole_backups
from contacts.restructuring.backup.manifest import Backup, Manifest, Progress, unheard, verify_files
from contacts.restructuring.backup.writer import describe, sources
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.exact_hash import take_exact_fingerprints

FRESH = timedelta(hours=1)
"""For so long a backup is offered to the next run."""
NOTHING = Written(0, "", "", 0)


def backup_to_use(
    snapshot: AbstractContextManager[Inspector],
    directory: Path,
    now: datetime,
    progress: Progress = unheard,
) -> Backup | None:
    """Return the newest fresh backup in ``directory`` that holds exactly what ``snapshot`` sees.

    Parameters: ``snapshot`` opens the transaction in which the tables are read, which happens only
    where there is a candidate; ``now`` is an aware time; ``progress`` hears how far the files are
    read back, which are verified as they are after writing. Returns None where a backup has to be
    written. Raises Failure if the tables cannot be read.
    """
    candidates = [one for one in whole_backups(directory) if _is_fresh(one, now)]
    if not candidates:
        return None
    with readable(), snapshot as inspector:
        stage = inspector.layout.stage
        candidates = [one for one in candidates if one.manifest.stage is stage]
        if not candidates:  # to find that out by fingerprints would read every row
            return None
        present = _without_files(describe(inspector, now, lambda *_: NOTHING))
        exact = take_exact_fingerprints(inspector.cursor, sources(inspector.layout))
    same = (replace(one, exact=exact) for one in candidates if _holds(one.manifest, present))
    return next((one for one in same if _is_whole(one, progress)), None)


def _is_fresh(backup: Backup, now: datetime) -> bool:
    age = now - datetime.fromisoformat(backup.manifest.taken_at)
    return timedelta(0) <= age <= FRESH


def _holds(manifest: Manifest, present: Manifest) -> bool:
    """Whether ``manifest`` says of its tables what is ``present``, and has a line for each row."""
    whole = all(table.rows == table.fingerprint.rows for table in manifest.tables)
    return whole and _without_files(manifest) == present


def _without_files(manifest: Manifest) -> Manifest:
    """Return what ``manifest`` says of the tables, less when that was and what files hold it."""
    tables = tuple(replace(table, **vars(NOTHING)) for table in manifest.tables)
    return replace(manifest, taken_at="", tables=tables)


def _is_whole(backup: Backup, progress: Progress) -> bool:
    try:
        verify_files(backup.path, backup.manifest, progress)
    except (OSError, ValueError):
        return False
    return True
