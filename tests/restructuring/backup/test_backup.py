"""Backups: one snapshot, whole or not there, and verified byte by byte."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection, transaction

from contacts.restructuring.backup.manifest import FILE_NAME
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.database.reading import reading_snapshot
from contacts.restructuring.database.settings import TEXT, set_local
from contacts.restructuring.proof.fingerprint import take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from tests.support.database.databases import Database
from tests.support.project import PROJECT
from tests.support.runs.backups import MANY_ORDERS, STAMP, TABLES, back_up, lines, open_run
from tests.support.runs.command import PRELUDE

NAME = "migration_20240506_070809"

IN_A_PROCESS = (
    PRELUDE
    + """
from datetime import UTC, datetime
from pathlib import Path
from django.db import connection
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.reading import reading_snapshot

def progress(table, rows, total):
    if table == "orders" and rows and "die" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)

snapshot = reading_snapshot(connection, read_layout(connection))
write_backup(snapshot, Path(sys.argv[1]), datetime.now(UTC), progress)
# Not getrusage: its peak counts what the test's own process held when it forked this one.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""
)


def in_a_process(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS, *arguments],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": database.url, "SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        check=False,
    )


def many_orders(database: Database, number: int, repeat: int = 5) -> None:
    database.execute("INSERT INTO tenants (id, name, subdomain) VALUES (1, 'many', 'many')")
    database.execute(MANY_ORDERS.format(number=number, repeat=repeat))


def test_only_the_owner_may_read_it(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path / "backups")
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o700
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in backup.path.iterdir()}
    assert files == dict.fromkeys([FILE_NAME, *(f"{name}.jsonl.gz" for name in TABLES)], 0o600)


def test_the_folder_bears_the_time_in_utc(legacy: Database, tmp_path: Path) -> None:
    stamp = STAMP.astimezone(timezone(timedelta(hours=5, minutes=30)))
    backup = write_backup(reading_snapshot(connection, read_layout(connection)), tmp_path, stamp)
    assert backup.path == tmp_path / NAME
    assert backup.manifest.taken_at == "2024-05-06T07:08:09+00:00"


def test_two_backups_of_one_second_are_two(legacy: Database, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}_2").write_text("a file of that name is not overwritten either")
    found = [back_up(tmp_path).path.name for _ in range(3)]
    assert found == [NAME, f"{NAME}_3", f"{NAME}_4"]


def test_the_manifest_says_what_it_is_a_backup_of(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    manifest = read_backup(backup.path).manifest
    assert manifest == backup.manifest
    assert (manifest.database, manifest.stage, manifest.schema) == (
        sample.name,
        Stage.LEGACY,
        "public",
    )
    assert manifest.server_version.startswith(sample.value("SHOW server_version").split(" ")[0])
    for table in manifest.tables:
        assert table.rows == sample.value(f"SELECT count(*) FROM {table.table}")
        assert len(lines(backup, table.table)) == table.rows
        (sequence,) = table.sequences
        assert (sequence.last_value, sequence.is_called) == sample.fetch(
            f"SELECT last_value, is_called FROM {table.table}_id_seq"
        )[0]
    with transaction.atomic(), connection.cursor() as cursor:
        set_local(cursor, TEXT)
        sources = [plain_source(table) for table in read_layout(connection).tables.values()]
        assert take_fingerprints(cursor, sources) == backup.fingerprints


def test_it_is_one_snapshot(sample: Database, tmp_path: Path) -> None:
    before = sample.value("SELECT count(*) FROM orders")

    def write(table: str, rows: int, total: int) -> None:
        if table == "tenants":
            sample.execute(
                "INSERT INTO orders (tenant_id, order_number, customer_name) "
                "SELECT 1, 'late ' || count(*), 'late' FROM orders"
            )

    backup = back_up(tmp_path, progress=write)
    assert sample.value("SELECT count(*) FROM orders") > before
    assert backup.rows["orders"] == backup.fingerprints["orders"].rows == before


def test_in_a_transaction_it_sees_what_that_has_done(sample: Database, tmp_path: Path) -> None:
    layout = read_layout(connection)
    with open_run() as cursor:
        cursor.execute("UPDATE tenants SET name = 'uncommitted'")
        inspector = Inspector(connection, cursor, layout)
        backup = write_backup(nullcontext(inspector), tmp_path, STAMP)
        transaction.set_rollback(True)
    assert {line["fields"]["name"] for line in lines(backup, "tenants")} == {"uncommitted"}
    read_backup(backup.path)


def test_it_does_not_run_inside_a_transaction_unasked(sample: Database, tmp_path: Path) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        back_up(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_tables(legacy: Database, tmp_path: Path) -> None:
    many_orders(legacy, 12_000, repeat=400)
    done = in_a_process(legacy, str(tmp_path))
    assert done.returncode == 0, done.stderr
    kilobytes = int(done.stdout)
    assert kilobytes < 120_000, f"{kilobytes} kB for 150 MB of lines"


def test_a_killed_run_leaves_no_folder_that_looks_whole(legacy: Database, tmp_path: Path) -> None:
    many_orders(legacy, 30_000)
    done = in_a_process(legacy, str(tmp_path), "die")
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".migration_")
    assert left.name.endswith(".partial")
    with pytest.raises(CommandError, match="killed while it wrote"):
        read_backup(left)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_nothing(legacy: Database, tmp_path: Path) -> None:
    many_orders(legacy, 30_000)
    with files_of_at_most(500_000), pytest.raises(CommandError) as caught:
        back_up(tmp_path)
    assert "File too large" in str(caught.value)
    assert "MiB are free there; the tables take" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert not list(tmp_path.iterdir())
    back_up(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_space_is_said_and_left_empty(legacy: Database, small_disk: Path) -> None:
    many_orders(legacy, 30_000)
    with pytest.raises(CommandError, match=r"No space left on device.*Make room"):
        back_up(small_disk)
    assert not list(small_disk.iterdir())


def test_a_missing_directory_is_made(legacy: Database, tmp_path: Path) -> None:
    assert back_up(tmp_path / "not" / "there").path.is_dir()


@pytest.mark.parametrize("place", ["file", "file/inside"])
def test_a_directory_that_cannot_be_made_is_said(
    legacy: Database, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CommandError, match=r"could not be written to .*file"):
        back_up(tmp_path / place)


def test_what_the_server_refuses_is_said_and_leaves_nothing(
    legacy: Database, tmp_path: Path
) -> None:
    layout = read_layout(connection)
    legacy.execute("ALTER TABLE customers DROP COLUMN phone")
    with pytest.raises(CommandError, match=r"could not be read for the backup.*phone"):
        write_backup(reading_snapshot(connection, layout), tmp_path, STAMP)
    assert not list(tmp_path.iterdir())
    back_up(tmp_path)


def test_a_lost_session_is_said_in_whole_sentences(legacy: Database, tmp_path: Path) -> None:
    def end_it(table: str, rows: int, total: int) -> None:
        legacy.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(CommandError, match=r"for the backup: .*[^.]\. Nothing was changed"):
        back_up(tmp_path, progress=end_it)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_and_a_connection_that_works(
    legacy: Database, tmp_path: Path
) -> None:
    many_orders(legacy, 30_000)

    def interrupt(table: str, rows: int, total: int) -> None:
        if table == "orders":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(tmp_path, progress=interrupt)
    assert not list(tmp_path.iterdir())
    back_up(tmp_path)


def test_a_backup_says_how_long_it_took(legacy: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    assert backup.seconds > 0
    assert read_backup(backup.path) == replace(backup, seconds=0.0)
    assert datetime.fromisoformat(backup.manifest.taken_at) == STAMP.astimezone(UTC)
