"""``--prune-backups``: old backups of this database go, those of others and needed ones stay."""

from pathlib import Path

import pytest

from contacts.restructuring.backup.folder import partial_folder
from contacts.restructuring.backup.shelf import Kept, needed_names
from contacts.restructuring.state.history import Run
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds, run, run_child, run_into, start

pytestmark = pytest.mark.slow


def backups(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


@pytest.fixture
def three(sample: Database, tmp_path: Path) -> list[str]:
    """A migrated database with three backups: of legacy, of migrated, of legacy again."""
    for mode in ((), ("--rollback",), ()):
        assert_succeeds(tmp_path, *mode)
    return [
        Path(path).name
        for (path,) in sample.fetch("SELECT backup_path FROM contacts_restructuringrun ORDER BY id")
    ]


def test_all_but_the_newest_go_after_they_were_named(
    sample: Database, tmp_path: Path, three: list[str]
) -> None:
    before = sample.dump()

    done = run_into(tmp_path, "--prune-backups", "1")

    assert done.code == 0, done
    assert backups(tmp_path) == [three[2]]
    for name in three[:2]:
        assert f"  - {name}: " in done.out
    assert "Left of this database: 1 backup." in done.out
    assert sample.dump() == before


def test_as_many_stay_as_are_asked_for(tmp_path: Path, three: list[str]) -> None:
    assert run_into(tmp_path, "--prune-backups", "2").code == 0
    assert backups(tmp_path) == sorted(three[1:])
    assert "nothing to do" in run_into(tmp_path, "--prune-backups", "5").out
    assert backups(tmp_path) == sorted(three[1:])


def test_what_a_way_back_needs_stays_unless_it_is_named(tmp_path: Path, three: list[str]) -> None:
    done = run_into(tmp_path, "--prune-backups", "0")
    assert f"stays, a way back needs it: {three[2]}" in done.out
    assert backups(tmp_path) == [three[2]]

    assert run_into(tmp_path, "--prune-backups", "0", three[2]).code == 0
    assert backups(tmp_path) == []


def test_the_ways_back_of_the_status_are_those_whose_backups_stay(
    sample: Database, tmp_path: Path, three: list[str]
) -> None:
    sample.execute("DROP TRIGGER trg_validate_contact_company ON contacts")
    for mode in ("--repair", "--rollback", "--prepare"):
        assert_succeeds(tmp_path, mode)
        told = run("--status", "--backup-dir", str(tmp_path), "--format=json").document["status"]
        pruned = run("--prune-backups", "0", "--backup-dir", str(tmp_path)).out

        ways = [way["command"].split()[-1] for way in told["ways_back"]]
        named = [Path(way).name for way in ways if not way.startswith("--")]
        stay = [line.split()[6][:-1] for line in pruned.splitlines() if "a way back needs" in line]
        assert named == stay
        assert named[-1] == three[2]


def test_a_name_without_noinput_is_wrong_usage(
    sample: Database, tmp_path: Path, three: list[str]
) -> None:
    done = run("--prune-backups", "0", three[2], "--backup-dir", str(tmp_path))

    assert done.code == 2
    assert "names of backups together with --noinput only" in done.error
    assert backups(tmp_path) == sorted(three)


def test_a_name_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, three: list[str]
) -> None:
    done = run_into(tmp_path, "--prune-backups", "0", "migration_1")

    assert done.code == 1
    assert "[MC410]" in done.error
    assert three[0] in done.error
    assert backups(tmp_path) == sorted(three)


def test_a_number_that_is_none_is_wrong_usage(sample: Database, tmp_path: Path) -> None:
    done = run_into(tmp_path, "--prune-backups", "many")

    assert done.code == 2
    assert "'many' is not a number from 0" in done.error


def test_backups_of_other_databases_and_other_folders_stay(
    sample: Database, legacy: Database, tmp_path: Path
) -> None:
    other = run_child(legacy, "--noinput", "--backup-dir", str(tmp_path))
    assert other.code == 0, other
    (tmp_path / "migration_mine").mkdir()
    there = backups(tmp_path)

    with_sample = run_child(
        sample, "--prune-backups", "0", "--noinput", "--backup-dir", str(tmp_path)
    )

    assert with_sample.code == 0, with_sample
    assert backups(tmp_path) == there


def test_unfinished_folders_go_but_not_one_that_is_being_written(
    sample: Database, tmp_path: Path
) -> None:
    from django.utils import timezone

    left = tmp_path / ".migration_20200101_000000.aaaa.partial"
    left.mkdir()
    with partial_folder(tmp_path, timezone.now()) as busy:
        done = run_into(tmp_path, "--prune-backups", "0")
        assert done.code == 0, done
        assert busy.exists()
    assert not left.exists()
    assert f"{left.name} is removed: a killed run left it" in done.out


def test_what_is_not_whole_counts_for_none_of_those_that_are_kept(
    tmp_path: Path, three: list[str]
) -> None:
    (tmp_path / three[1] / "orders.jsonl.gz").unlink()

    assert run_into(tmp_path, "--prune-backups", "2").code == 0

    assert backups(tmp_path) == sorted([three[0], three[2]])


def test_it_asks_first(sample: Database, tmp_path: Path, three: list[str]) -> None:
    arguments = ("--prune-backups", "1", "--backup-dir", str(tmp_path))
    with start(sample, *arguments, terminal=True) as begun:
        begun.wait_for("Remove these backups? (yes/no): ")
        begun.answer("no")
        done = begun.end()

    assert done.code == 1
    assert backups(tmp_path) == sorted(three)


def test_the_latest_run_and_the_latest_migration_need_theirs() -> None:
    def ran(kind: str, name: str) -> Run:
        return Run(kind, None, None, "", "", f"/b/{name}" if name else "")  # type: ignore[arg-type]

    runs = [ran("restore", "d"), ran("migration", "c"), ran("rollback", "b"), ran("migration", "a")]
    assert needed_names(runs) == {"d", "c"}
    assert needed_names([ran("repair", ""), ran("rollback", "b")]) == {"b"}
    assert needed_names([ran("rollback", "")]) == set()
    assert needed_names([]) == set()


def test_a_folder_that_cannot_be_read_belongs_to_no_database() -> None:
    assert not Kept(Path("x"), None, 0, "damaged").belongs_to(None)
