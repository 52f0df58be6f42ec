"""Every mode that changes the database is a run, and ``--status`` tells what was done and when."""

from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from contacts.models import RestructuringRun
from contacts.restructuring.changes.run_row import recorded
from contacts.restructuring.database.transaction import recovery_point
from contacts.restructuring.journal import Journal
from contacts.restructuring.reports.json_format import report_schema
from contacts.restructuring.state.record import read_record
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.database.roles import roles
from tests.support.runs.command import assert_migrates, assert_succeeds, run
from tests.support.runs.preparation import prepare_until, sorted_dump

Kind = RestructuringRun.Kind
NO_TRIGGER = "DROP TRIGGER trg_validate_contact_company ON contacts"


def kinds(folder: Path) -> list[str]:
    """Return the kinds of the runs that ``--status`` tells of, the first first."""
    done = run("--status", "--backup-dir", str(folder), "--format", "json")
    assert done.code == 0, done
    return [item["kind"] for item in reversed(done.document["status"]["runs"])]


def test_all_that_was_done_is_told_in_order(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path, "--defer-rules")
    with connection.cursor() as cursor:
        record = read_record(cursor)
        sample.execute(NO_TRIGGER)
        for mode in ("--repair", "--enforce-rules", "--bridge", "--drop-bridge"):
            assert_succeeds(tmp_path, mode)
            assert read_record(cursor) == record
    assert_succeeds(tmp_path, "--skip-backup", "--rollback")
    for mode in ("--prepare", "--abandon", "--prepare"):
        assert_succeeds(tmp_path, mode)

    assert kinds(tmp_path) == [
        Kind.MIGRATION,
        Kind.REPAIR,
        Kind.ENFORCEMENT,
        Kind.BRIDGE,
        Kind.BRIDGE_DROPPED,
        Kind.ROLLBACK,
        Kind.PREPARATION,
        Kind.ABANDONMENT,
        Kind.PREPARATION,
    ]
    assert_migrates(tmp_path)
    assert kinds(tmp_path)[-2:] == [Kind.PREPARATION, Kind.MIGRATION]
    assert all(one.finished_at and one.durations for one in RestructuringRun.objects.all())


def test_several_rules_are_one_run(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path, "--defer-rules")

    told = assert_succeeds(tmp_path, "--enforce-rules").out

    assert told.count("is enforced now") > 1
    assert kinds(tmp_path) == [Kind.MIGRATION, Kind.ENFORCEMENT]
    enforcement = RestructuringRun.objects.get(kind=Kind.ENFORCEMENT)
    steps = [step for step in enforcement.durations if step.startswith("enforce ")]
    assert len(steps) == told.count("is enforced now")


def test_what_changes_nothing_is_no_run(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    for mode in ("--repair", "--enforce-rules", "--drop-bridge", "--verify-only"):
        assert_succeeds(tmp_path, mode)

    assert kinds(tmp_path) == [Kind.MIGRATION]


def test_a_repair_is_recorded_with_its_checks_and_needs_no_backup(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    sample.execute(NO_TRIGGER)
    assert_succeeds(tmp_path, "--repair")

    assert "address_policy" in {
        check["id"] for check in RestructuringRun.objects.get(kind=Kind.REPAIR).checks
    }
    lines = run("--status", "--backup-dir", str(tmp_path)).out.splitlines()
    (repair,) = (line for line in lines if " repair, " in line)
    (migration,) = (line for line in lines if " migration, " in line)
    assert "backup" not in repair
    assert migration.endswith("; no backup")


def test_who_may_not_write_the_runs_records_none(migrated: Database) -> None:
    runs = RestructuringRun.objects
    with (
        roles(migrated, "clerk") as (clerk,),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        point = recovery_point(cursor)
        arguments = (
            connection,
            cursor,
            Kind.REPAIR,
            point,
            timezone.now(),
            Journal(lambda event: None),
        )
        cursor.execute(f'SET LOCAL ROLE "{clerk}"')
        with recorded(*arguments):
            pass
        cursor.execute("RESET ROLE")
        assert runs.count() == 0
        with recorded(*arguments):
            pass
        assert runs.get().kind == Kind.REPAIR


def test_before_the_first_migration_the_preparation_tells_of_itself(
    sample: Database, tmp_path: Path
) -> None:
    before = sorted_dump(sample)
    prepare_until("verify")
    unfinished = run("--status", "--backup-dir", str(tmp_path), "--format", "json").document
    assert [item["finished"] for item in unfinished["status"]["runs"]] == [None]

    assert_succeeds(tmp_path, "--prepare")
    assert kinds(tmp_path) == [Kind.PREPARATION]

    assert "Taking the preparation away: " in assert_succeeds(tmp_path, "--abandon").err
    assert kinds(tmp_path) == []
    assert sorted_dump(sample) == before


def test_the_schema_of_reports_knows_every_kind() -> None:
    runs = report_schema()["$defs"]["status"]["properties"]["runs"]
    assert runs["items"]["properties"]["kind"]["enum"] == list(Kind.values)
