"""A backup that a declined run has left is used by the next one, if it is what would be written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.restructuring.backup.manifest import FILE_NAME, Backup, render
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.backup.reuse import FRESH, backup_to_use
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.reading import reading_snapshot
from tests.support.database.databases import Database
from tests.support.runs.backups import STAMP, back_up, contents
from tests.support.runs.command import assert_migrates, run, start

SOON = STAMP + timedelta(minutes=5)


@pytest.fixture
def backup(sample: Database, tmp_path: Path) -> Backup:
    """A backup of the sample, written at STAMP."""
    return back_up(tmp_path)


def found(backup: Backup, now: datetime = SOON) -> Path | None:
    snapshot = reading_snapshot(connection, read_layout(connection))
    used = backup_to_use(snapshot, backup.path.parent, now)
    return used.path if used else None


def test_an_unchanged_database_uses_it(backup: Backup) -> None:
    assert found(backup) == backup.path


@pytest.mark.parametrize(
    ("age", "used"),
    [(timedelta(0), True), (FRESH, True), (FRESH + timedelta(seconds=1), False)],
)
def test_for_an_hour(backup: Backup, age: timedelta, used: bool) -> None:
    assert (found(backup, STAMP + age) is not None) == used


def test_of_another_stage_none_is_looked_at_row_by_row(backup: Backup, tmp_path: Path) -> None:
    assert_migrates(tmp_path, "--skip-backup")
    now = datetime.now(UTC)
    manifest = replace(backup.manifest, taken_at=now.isoformat())
    (backup.path / FILE_NAME).write_bytes(render(manifest))
    with CaptureQueriesContext(connection) as asked:
        assert found(backup, now) is None
    assert not any("md5" in query["sql"] for query in asked.captured_queries)


def test_one_from_the_future_is_not_used(backup: Backup) -> None:
    assert found(backup, STAMP - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE customers SET name = name || '.' WHERE id = 1",
        "UPDATE orders SET order_number = order_number || '.' WHERE id = 1",
        "DELETE FROM shipments; DELETE FROM manufacturing_steps; DELETE FROM orders WHERE id = 5",
        "INSERT INTO tenants (id, name, subdomain) VALUES (900, 'new', 'new')",
        "ALTER TABLE orders ADD COLUMN extra text",
        "CREATE INDEX another ON customers (name)",
        "SELECT nextval('orders_id_seq')",
    ],
)
def test_whatever_has_changed_in_the_tables_asks_for_a_new_one(
    backup: Backup, sample: Database, change: str
) -> None:
    sample.execute(change)
    assert found(backup) is None


def test_damaged_files_are_not_used(backup: Backup) -> None:
    file = backup.path / "orders.jsonl.gz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert found(backup) is None


def test_a_missing_file_is_not_used(backup: Backup) -> None:
    (backup.path / "orders.jsonl.gz").unlink()
    assert found(backup) is None


@pytest.mark.parametrize("manifest", [b"", b"{}", b"no JSON"])
def test_a_damaged_manifest_is_not_used(backup: Backup, manifest: bytes) -> None:
    (backup.path / FILE_NAME).write_bytes(manifest)
    assert found(backup) is None


@pytest.mark.parametrize("difference", [{"database": "another"}, {"host": "elsewhere:5432"}])
def test_one_of_another_database_is_not_used(backup: Backup, difference: dict[str, str]) -> None:
    other = replace(backup.manifest, **difference)  # type: ignore[arg-type]
    (backup.path / FILE_NAME).write_bytes(render(other))
    assert read_backup(backup.path).manifest == other
    assert found(backup) is None


def test_a_manifest_that_has_lost_rows_is_not_used(backup: Backup) -> None:
    first, *rest = backup.manifest.tables
    short = replace(backup.manifest, tables=(replace(first, rows=first.rows - 1), *rest))
    (backup.path / FILE_NAME).write_bytes(render(short))
    assert found(backup) is None


def test_the_newest_is_used(backup: Backup, sample: Database) -> None:
    later = backup.path.with_name("migration_20240506_071000")
    later.mkdir()
    for file in backup.path.iterdir():
        (later / file.name).write_bytes(file.read_bytes())
    taken = (STAMP + timedelta(minutes=2)).astimezone(UTC).isoformat()
    (later / FILE_NAME).write_bytes(render(replace(backup.manifest, taken_at=taken)))
    assert found(backup) == later
    (later / "orders.jsonl.gz").unlink()
    assert found(backup) == backup.path


def declined(database: Database, folder: Path, *arguments: str) -> Path:
    """Decline a full run, and return where its backup lies."""
    with start(database, "--backup-dir", str(folder), *arguments, terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        begun.answer("no")
        assert begun.end().code == 1
    return max(folder.glob("migration_2*"))


def test_the_run_after_a_no_uses_the_backup_and_says_so(sample: Database, tmp_path: Path) -> None:
    before = contents(sample)
    kept = declined(sample, tmp_path)
    assert declined(sample, tmp_path) == kept

    done = run("--noinput", "--backup-dir", str(tmp_path))

    assert done.code == 0
    told = "✓ The backup of less than a minute ago is used again: every row is as it was then"
    assert told in done.out
    assert f"It lies in {kept}" in done.out
    assert [*tmp_path.glob("migration_2*")] == [kept]
    back = run("--restore", str(kept), "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    assert back.code == 0
    assert contents(sample) == before


def test_a_new_backup_can_be_insisted_on(sample: Database, tmp_path: Path) -> None:
    kept = declined(sample, tmp_path)
    again = declined(sample, tmp_path, "--new-backup")
    assert again != kept


def test_a_run_on_other_rows_writes_its_own(sample: Database, tmp_path: Path) -> None:
    kept = declined(sample, tmp_path)
    sample.execute("UPDATE customers SET name = 'Somebody else' WHERE id = 1")
    assert declined(sample, tmp_path) != kept
