"""What each mode does at each stage, and which files it leaves."""

import stat
from pathlib import Path

import pytest

from tests.cases.legacy_rows import ORPHAN, ROWS
from tests.cases.stages import STAGES
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates, migrate, run, run_child

FULL = "(full run)"
ENDS = {
    FULL: {
        "legacy": (0, "MIGRATION COMPLETED SUCCESSFULLY"),
        "prepared": (1, "--prepare': it goes on from there"),
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "Check DATABASE_URL"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--dry-run": {
        "legacy": (0, "Dry run: nothing was changed"),
        "prepared": (0, "Next step: install"),
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "none of the tables"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--verify-only": {
        "legacy": (1, "is legacy, not migrated"),
        "prepared": (1, "is prepared, not migrated"),
        "migrated": (0, "POST-MIGRATION VERIFICATION PASSED"),
        "partial": (1, "is partial, not migrated"),
        "empty": (1, "is empty, not migrated"),
        "unknown": (1, "is unknown, not migrated"),
    },
    "--enforce-rules": {
        "legacy": (1, "is legacy, not migrated"),
        "prepared": (1, "is prepared, not migrated"),
        "migrated": (0, "No rule is pending: nothing to do"),
        "partial": (1, "is partial, not migrated"),
        "empty": (1, "is empty, not migrated"),
        "unknown": (1, "is unknown, not migrated"),
    },
    "--status": {
        "legacy": (0, "migrate_contacts --dry-run: see what would be migrated"),
        "prepared": (0, "Next step: install"),
        "migrated": (0, "migrate_contacts --verify-only: check all of it"),
        "partial": (0, "run 'manage.py migrate_contacts --recover'"),
        "empty": (0, "Check DATABASE_URL"),
        "unknown": (0, "orders has a column contact_id already"),
    },
    "--abandon": {
        "legacy": (0, "The database is legacy, not prepared: nothing to abandon."),
        "migrated": (0, "The database is migrated, not prepared: nothing to abandon."),
        "partial": (0, "The database is partial, not prepared: nothing to abandon."),
        "empty": (0, "The database is empty, not prepared: nothing to abandon."),
        "unknown": (1, "is unknown, not prepared"),
    },
    "--prepare": {
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "Check DATABASE_URL"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--rollback": {"prepared": (1, "--abandon takes it away")},
    "--recover": {"prepared": (1, "--abandon takes it away")},
    "--rehearse": {"prepared": (1, "it goes on from there")},
}
"""Mode and stage: the exit code, and what is said."""
TABLE = [(mode, stage) for mode, stages in ENDS.items() for stage in stages]


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("mode", "stage"), TABLE)
def test_mode_at_stage(
    request: pytest.FixtureRequest, tmp_path: Path, mode: str, stage: str
) -> None:
    fixture, statements = STAGES[stage]
    database: Database = request.getfixturevalue(fixture)
    database.execute(statements)
    before = database.dump()
    code, told = ENDS[mode][stage]

    done = run(*([] if mode == FULL else [mode]), "--noinput", "--backup-dir", str(tmp_path))

    assert done.code == code, done
    assert told in done.out + done.error
    if (mode, stage) != (FULL, "legacy"):
        assert database.dump() == before
    if code == 1:
        assert "Nothing was changed" in done.error
    if mode in ("--dry-run", "--status", "--abandon") or code == 1:
        assert list(tmp_path.iterdir()) == []


def test_backup_and_report_lie_where_asked_and_are_private(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ROWS)
    folder = tmp_path / "deep" / "backups"

    done = run("--noinput", "--backup-dir", str(folder))

    assert done.code == 0, done
    (backup,) = [path for path in folder.iterdir() if path.is_dir()]
    (report,) = folder.glob("migration_report_*.txt")
    assert f"The backup lies in {backup}" in done.out
    assert f"{report}" in done.out
    assert {permissions(path) for path in (folder, backup)} == {0o700}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {permissions(path) for path in files} == {0o600}
    assert legacy.value("SELECT backup_path FROM contacts_restructuringrun") == str(backup)


def test_run_without_a_backup_warns(legacy: Database, tmp_path: Path) -> None:
    done = migrate(tmp_path)

    assert "⚠ No backup is written (--skip-backup)." in done.out
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_report_has_everything_but_the_password(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    user = legacy.settings["USER"]
    secret = legacy.settings["PASSWORD"] or "hunter2"
    url = legacy.url.replace(f"//{user}@", f"//{user}:{secret}@")

    done = run_child(url, "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))

    assert done.code == 0, done
    (report,) = tmp_path.glob("migration_report_*.txt")
    text = report.read_text()
    for part in (
        "MIGRATION REPORT",
        f"Database: {legacy.name} on ",
        f"as {user}",
        "Django 5.2",
        "Python 3.",
        "Recovery point: 20",
        " UTC, WAL ",
        "transaction ",
        "PRE-MIGRATION VALIDATION CHECKS",
        "Customer 13 (tenant 1) has no company",
        "POST-MIGRATION VERIFICATION CHECKS",
        "Order-contact-company consistency",
        "FINGERPRINTS",
        "lock_timeout",
    ):
        assert part in text, part
    position = legacy.value("SELECT transaction_id FROM contacts_restructuringrun")
    assert f"transaction {position}" in text
    for path in tmp_path.iterdir():
        assert secret not in path.read_text()
    assert secret not in done.output


def test_each_committed_run_and_only_that_has_a_row(legacy: Database, tmp_path: Path) -> None:
    run("--dry-run")
    run("--rehearse", "--noinput", "--backup-dir", str(tmp_path))
    assert legacy.value("SELECT to_regclass('contacts_restructuringrun')") is None

    assert_migrates(tmp_path)
    assert_migrates(tmp_path)

    assert legacy.value("SELECT count(*) FROM contacts_restructuringrun") == 1
