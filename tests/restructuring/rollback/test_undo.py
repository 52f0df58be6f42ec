"""What a run prints to undo it does undo it."""

import shlex
from pathlib import Path

import pytest

from contacts.restructuring.reports.runbook import runbook, undo
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import assert_migrates, run
from tests.support.runs.reports import report

pytestmark = pytest.mark.slow

WORK = """
INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code)
    SELECT tenant_id, id, 'Street 1', 'City', 'State', '12345' FROM companies;
UPDATE companies SET fax = '0123456789';
UPDATE contacts SET company_id = (SELECT min(id) FROM companies c WHERE c.tenant_id =
    contacts.tenant_id) WHERE id IN (3, 13);
"""
"""What only a migrated database can hold."""


def commands(out: str) -> list[list[str]]:
    """Return the arguments of each command that undoes the run which said ``out``."""
    told = out[out.index("To undo this run") :].splitlines()[1:]
    return [shlex.split(line)[3:] for line in told if line.startswith("  python manage.py")]


def undo_by(out: str, folder: Path) -> list[str]:
    """Run the commands in ``out`` that undo, one after the other; return what they are."""
    told = commands(out)
    for arguments in told:
        done = run(*arguments, "--noinput", "--backup-dir", str(folder))
        assert (done.code, done.error) == (0, ""), done
    return [arguments[0] if arguments else "" for arguments in told]


def test_a_rollback_is_undone_by_what_it_prints(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    sample.execute(WORK)
    before = photograph(sample)
    done = run("--rollback", "--noinput", "--backup-dir", str(tmp_path))

    assert undo_by(done.out, tmp_path) == ["", "--restore"]

    assert changes(before, photograph(sample)) == []


def test_a_restore_into_a_migrated_database_is_undone_by_what_it_prints(
    sample: Database, tmp_path: Path
) -> None:
    run("--noinput", "--backup-dir", str(tmp_path))
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    sample.execute(WORK)
    before = photograph(sample)
    done = run("--restore", str(backup), "--noinput", "--backup-dir", str(tmp_path))

    assert undo_by(done.out, tmp_path) == ["", "--restore"]

    assert changes(before, photograph(sample)) == []


def test_a_restore_into_a_legacy_database_is_undone_by_what_it_prints(
    sample: Database, tmp_path: Path
) -> None:
    run("--noinput", "--backup-dir", str(tmp_path))
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    run("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    sample.execute("UPDATE customers SET name = 'Somebody else'")
    before = photograph(sample)
    done = run("--restore", str(backup), "--noinput", "--backup-dir", str(tmp_path))

    assert undo_by(done.out, tmp_path) == ["--restore"]

    assert changes(before, photograph(sample)) == []


def test_without_a_backup_a_rollback_is_undone_by_migrating_again() -> None:
    gone = report(mode="rollback", stage="legacy", backup_stage="migrated")
    assert undo(gone) == ("python manage.py migrate_contacts",)
    assert undo(report(mode="restore", stage="legacy", backup_stage="legacy")) == ()


def test_the_runbook_names_no_backup_that_the_database_would_refuse() -> None:
    mine = "python manage.py migrate_contacts"
    told = {
        stage: next(
            entry.commands
            for entry in runbook(
                report(mode="restore", stage="legacy", backup_stage=stage, backup_path="/b")
            )
            if entry.event == "rows were destroyed later"
        )
        for stage in ("legacy", "migrated", "partial")
    }
    assert told["legacy"] == (f"{mine} --restore /b",)
    assert told["migrated"] == (mine, f"{mine} --restore /b")
    assert "/b" not in " ".join(told["partial"])


def test_who_sees_which_tenants_outlives_a_rollback_a_new_run_and_a_restore(
    sample: Database, tmp_path: Path
) -> None:
    run("--noinput", "--backup-dir", str(tmp_path))
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    sample.execute(
        "INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, "
        "email, is_staff, is_active, date_joined) "
        "VALUES (5, '', false, 'ann', '', '', '', true, true, now());"
        "INSERT INTO auth_user_tenants (user_id, tenant_id) VALUES (5, 1), (5, 3)"
    )
    limits = "SELECT * FROM auth_user_tenants ORDER BY id"
    before = sample.fetch(limits)
    for mode in (["--rollback"], [], ["--restore", str(backup)]):
        done = run(*mode, "--noinput", "--backup-dir", str(tmp_path))
        assert (done.code, done.error) == (0, ""), done
        assert sample.fetch(limits) == before, mode
