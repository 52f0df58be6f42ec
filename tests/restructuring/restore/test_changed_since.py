"""What changes between the verification of a backup and its restore: refused, in words."""

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from contacts.restructuring.backup.manifest import FILE_NAME, Backup, Progress, render
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.modes import restore as restoring
from tests.support.database.databases import Database
from tests.support.runs.backups import back_up, contents, restore
from tests.support.runs.command import assert_refused, run_into


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def exchange(folder: Path) -> None:
    with gzip.open(folder / "customers.jsonl.gz", "rb") as file:
        lines = file.read()
    with gzip.open(folder / "customers.jsonl.gz", "wb") as file:
        file.write(lines.replace(b"example", b"exchang"))


def cut(folder: Path) -> None:
    path = folder / "orders.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])


def spoil(folder: Path) -> None:
    path = folder / "companies.jsonl.gz"
    path.write_bytes(b"\0" + path.read_bytes()[1:])


CHANGES = {
    remove: "tenants.jsonl.gz of the backup",
    exchange: "customers.jsonl.gz of the backup",
    cut: "orders.jsonl.gz is cut short",
    spoil: "companies.jsonl.gz is damaged",
}


@pytest.mark.parametrize(("change", "message"), CHANGES.items(), ids=lambda item: str(item)[:20])
def test_a_backup_that_changes_before_it_is_loaded_is_refused(
    sample: Database, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    backup = back_up(tmp_path)
    rows = contents(sample)
    change(backup.path)
    with pytest.raises(CommandError) as refused:
        restore(backup)
    assert "[MC409]" in str(refused.value)
    assert "not what it was when it was verified" in str(refused.value)
    assert message in str(refused.value)
    assert contents(sample) == rows


def test_the_command_refuses_one_that_vanishes_after_it_was_verified(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = back_up(tmp_path / "taken")

    def read_and_lose(path: Path, progress: Progress) -> Backup:
        found = read_backup(path, progress)
        shutil.rmtree(path)
        return found

    monkeypatch.setattr(restoring, "read_backup", read_and_lose)
    before = sample.dump()
    refused = run_into(tmp_path, "--restore", str(backup.path))
    assert_refused(sample, refused, before, "[MC409]", "No such file or directory")


def test_an_enum_label_that_the_rows_need_and_the_type_lacks_is_named(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute("ALTER TYPE metaltype ADD VALUE 'LEAD'")
    sample.execute("UPDATE orders SET metal_type = 'LEAD' WHERE id = 1")
    backup = back_up(tmp_path)
    sample.execute("UPDATE orders SET metal_type = NULL WHERE metal_type = 'LEAD'")
    sample.execute("""
        ALTER TYPE metaltype RENAME TO longer;
        CREATE TYPE metaltype AS ENUM ('GOLD_24K', 'GOLD_22K', 'GOLD_18K', 'GOLD_14K',
                                       'SILVER_925', 'PLATINUM', 'OTHER');
        ALTER TABLE orders ALTER metal_type TYPE metaltype USING metal_type::text::metaltype
    """)
    rows = contents(sample)
    with pytest.raises(CommandError, match=r"Rows of orders .* type metaltype lacks LEAD"):
        restore(backup)
    assert contents(sample) == rows


def test_the_encoding_is_blamed_where_it_differs(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    assert backup.manifest.encoding == "UTF8"
    tables = tuple(
        replace(table, fingerprint=replace(table.fingerprint, digest="1"))
        for table in backup.manifest.tables
    )
    for encoding, told in (("LATIN1", "encoding LATIN1, and this one has UTF8"), ("", "A type of")):
        other = replace(backup.manifest, tables=tables, encoding=encoding)
        (backup.path / FILE_NAME).write_bytes(render(other))
        with pytest.raises(CommandError, match=told):
            restore(read_backup(backup.path))
