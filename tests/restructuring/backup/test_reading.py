"""Reading a backup: what is damaged, missing or of another format is named."""

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from contacts.restructuring.backup.manifest import FILE_NAME, _spell, parse
from contacts.restructuring.backup.reader import read_backup
from tests.support.database.databases import Database
from tests.support.runs.backups import back_up


def test_a_flipped_byte_anywhere_is_caught(sample: Database, tmp_path: Path) -> None:
    backup = back_up(tmp_path)
    chance = random.Random(20240506)  # noqa: S311  # the same bytes each time
    files = sorted(backup.path.iterdir())
    for _ in range(120):
        file = chance.choice(files)
        whole = file.read_bytes()
        place = chance.randrange(len(whole))
        broken = bytearray(whole)
        broken[place] = chance.choice([byte for byte in range(256) if byte != whole[place]])
        file.write_bytes(broken)
        with pytest.raises(CommandError) as caught:
            read_backup(backup.path)
        assert file.name in str(caught.value), (file.name, place)
        file.write_bytes(whole)
    read_backup(backup.path)


@pytest.mark.parametrize("file", [FILE_NAME, "orders.jsonl.gz"])
@pytest.mark.parametrize("damage", [b"", b"cut", b"longer"])
def test_a_file_that_is_cut_or_grown_is_caught(
    sample: Database, tmp_path: Path, file: str, damage: bytes
) -> None:
    path = back_up(tmp_path).path / file
    whole = path.read_bytes()
    path.write_bytes({b"": b"", b"cut": whole[:-1], b"longer": whole + b"\n"}[damage])
    with pytest.raises(CommandError, match=file):
        read_backup(path.parent)


@pytest.mark.parametrize("file", [FILE_NAME, "orders.jsonl.gz"])
def test_a_missing_file_is_named(sample: Database, tmp_path: Path, file: str) -> None:
    backup = back_up(tmp_path)
    (backup.path / file).unlink()
    with pytest.raises(CommandError, match=f"has no {file}"):
        read_backup(backup.path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no backup folder .*nowhere"):
        read_backup(tmp_path / "nowhere")


def test_a_manifest_of_a_later_format_is_refused(legacy: Database, tmp_path: Path) -> None:
    path = back_up(tmp_path).path / FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 5}))
    with pytest.raises(CommandError, match="format is 5, and this version reads formats 1 to 4"):
        read_backup(path.parent)


def test_a_manifest_from_before_the_created_companies_is_read(
    migrated: Database, tmp_path: Path
) -> None:
    manifest = back_up(tmp_path).manifest
    older = {key: value for key, value in asdict(manifest).items() if key != "created_companies"}
    assert manifest.created_companies == ()
    assert parse(_spell(older)) == replace(manifest, created_companies=None)
