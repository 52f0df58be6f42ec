"""Standard output is well set, and can be read without standard error."""

from pathlib import Path

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds

RULE = "=" * 60


def assert_well_set(told: str) -> None:
    """Fail where a heading has nothing under it, or two blank lines follow one another."""
    assert "\n\n\n" not in told, told
    lines = [line for line in told.splitlines() if line]
    for number, line in enumerate(lines):
        heading = line == RULE and number >= 2 and lines[number - 2] == RULE
        if heading and lines[number - 1].isupper():
            under = lines[number + 1] if number + 1 < len(lines) else RULE
            assert under != RULE, f"{lines[number - 1]} stands alone in:\n{told}"


def test_no_heading_stands_alone_and_no_blank_line_is_doubled(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    for mode in ("--dry-run", "--rehearse", "", "--rollback", "--defer-rules"):
        assert_well_set(assert_succeeds(tmp_path, *([mode] if mode else [])).out)
    (backup, *_) = sorted(tmp_path.glob("migration_2*[0-9]"))
    legacy.execute("DROP TRIGGER trg_validate_contact_company ON contacts")
    for arguments in (
        ("--repair",),
        ("--enforce-rules",),
        ("--bridge",),
        ("--drop-bridge",),
        ("--status",),
        ("--verify-only",),
        ("--restore", str(backup)),
        ("--prepare",),
        ("--dry-run",),
        ("--abandon",),
    ):
        assert_well_set(assert_succeeds(tmp_path, *arguments).out)


def test_a_switch_and_a_rehearsal_of_one(sample: Database, tmp_path: Path) -> None:
    for mode in ("--prepare", "--dry-run", "--rehearse", ""):
        told = assert_succeeds(tmp_path, *([mode] if mode else [])).out
        assert_well_set(told)
        assert told.startswith(f"Database: {sample.name} on "), mode
        assert told.split("READY", 1)[0].count("Database: ") == 1, mode


def test_what_one_run_writes_bears_one_moment(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)

    (backup,) = tmp_path.glob("migration_2*")
    (report,) = tmp_path.glob("*.txt")
    assert report.stem.removeprefix("migration_report_") == backup.name.removeprefix("migration_")
