"""--alembic-stamp: what is told before the question, and what is refused in time."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.database.roles import acting_as, roles
from tests.support.runs.command import run, run_into

pytestmark = pytest.mark.slow

STAMP = ("--alembic-stamp", "003_elsewhere")
OWNED = """
    GRANT CREATE ON SCHEMA public TO "{0}";
    ALTER TABLE tenants OWNER TO "{0}"; ALTER TABLE companies OWNER TO "{0}";
    ALTER TABLE customers OWNER TO "{0}"; ALTER TABLE orders OWNER TO "{0}";
"""
"""Lets a role migrate that may not read Alembic's record."""
VERSIONS = "SELECT array_agg(version_num::text) FROM alembic_version"


@pytest.fixture
def roomy(legacy: Database) -> Database:
    """A legacy database with Alembic's record of before."""
    legacy.execute("DELETE FROM alembic_version")
    legacy.execute("INSERT INTO alembic_version VALUES ('002_before')")
    return legacy


def test_without_a_stamp_the_record_is_a_warning_that_names_the_option(roomy: Database) -> None:
    told = run("--dry-run")
    assert "Alembic manages this database, at 002_before" in told.out
    assert "--alembic-stamp" in told.out


def test_with_a_stamp_the_checks_say_what_will_be_written(roomy: Database) -> None:
    told = run("--dry-run", *STAMP, "-v", "2")
    assert told.code == 0
    passed = "Alembic's record... PASSED: it says 002_before; the run makes it say 003_elsewhere"
    assert passed in told.out
    assert "Alembic manages this database" not in told.out


@pytest.mark.parametrize("mode", [[], ["--rehearse"], ["--dry-run"]])
def test_without_a_record_it_is_refused_before_the_backup(
    legacy: Database, tmp_path: Path, mode: list[str]
) -> None:
    legacy.execute("DROP TABLE alembic_version")
    told = run_into(tmp_path, *mode, *STAMP)
    assert told.code == 1
    assert "There is no table alembic_version to stamp" in told.out
    assert "] Validation failed: Alembic's record. Nothing was changed." in told.error
    assert not list(tmp_path.iterdir())


def test_a_record_that_the_role_may_not_touch(roomy: Database, tmp_path: Path) -> None:
    with roles(roomy, "owner") as (owner,):
        roomy.execute(OWNED.format(owner))
        with acting_as(owner):
            plain, stamped = run("--dry-run"), run_into(tmp_path, *STAMP)
    assert plain.code == 0
    assert "the role may not read at which revision" in plain.out
    assert stamped.code == 1
    assert "The role lacks INSERT on alembic_version" in stamped.out
    assert not list(tmp_path.iterdir())


def test_a_way_back_reads_no_record_that_was_not_stamped(roomy: Database, tmp_path: Path) -> None:
    with roles(roomy, "owner") as (owner,):
        roomy.execute(OWNED.format(owner))
        with acting_as(owner):
            assert run_into(tmp_path).code == 0
            back = run_into(tmp_path, "--rollback")
    assert back.code == 0, back.out


def test_a_rehearsal_leaves_the_record(roomy: Database, tmp_path: Path) -> None:
    told = run_into(tmp_path, "--rehearse", *STAMP)
    assert told.code == 0
    assert "Migration completed successfully!" not in told.out
    assert roomy.value(VERSIONS) == ["002_before"]


def test_a_restore_puts_the_record_back(roomy: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path, *STAMP).code == 0
    assert roomy.value(VERSIONS) == ["003_elsewhere"]
    (backup,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert run_into(tmp_path, "--restore", str(backup)).code == 0
    assert roomy.value(VERSIONS) == ["002_before"]


def test_a_stamp_that_comes_too_late_is_told(roomy: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path).code == 0
    late = run_into(tmp_path, *STAMP)
    assert late.code == 0
    assert "alembic_version was not set to 003_elsewhere" in late.out
    assert roomy.value(VERSIONS) == ["002_before"]


def test_a_stamp_that_is_there_already_needs_no_word(roomy: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path, *STAMP).code == 0
    assert "was not set" not in run_into(tmp_path, *STAMP).out
