"""Whether the restored tables hold what the backup holds, by their fingerprints."""

from collections.abc import Iterable
from typing import Any

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from jmsk.postgres.queries import value


def require_equal(cursor: Any, tables: Iterable[Table], backup: Backup) -> None:
    """Raise Failure unless the fingerprints of ``tables`` are those of the manifest."""
    found = take_fingerprints(cursor, [plain_source(table) for table in tables])
    wrong = [
        f"{name} has {found[name]}, and the backup {wanted}"
        for name, wanted in backup.fingerprints.items()
        if found[name] != wanted
    ]
    if wrong:
        raise Failure(
            "MC707",
            f"After the restore the rows are not those of the backup: {'; '.join(wrong)}. "
            f"{ROLLED_BACK} {_why_unequal(cursor, backup)}",
        )


def _why_unequal(cursor: Any, backup: Backup) -> str:
    """Say what may have made the fingerprints differ, and what to do."""
    encoding, then = value(cursor, "SHOW server_encoding"), backup.manifest.encoding
    if then and encoding != then:
        return (
            f"The backup is of a database with the encoding {then}, and this one has {encoding}: "
            "a fingerprint is of the stored bytes, so the same text has another one here. Restore "
            f"into a database made with ENCODING '{then}'."
        )
    return "A type of another name may have changed them; name another backup or ask for help."
