"""``--status``: all there is to know of a database, at every stage, without touching it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.restore.compatibility import TARGETS, first
from tests.cases.stages import STAGES
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates, assert_succeeds, run

pytestmark = pytest.mark.slow


def status(folder: Path) -> dict:
    """Return the document's part about the database."""
    done = run("--status", "--backup-dir", str(folder), "--format", "json")
    assert done.code == 0, done
    return done.document["status"]


@pytest.mark.parametrize("stage", STAGES)
def test_at_every_stage_it_ends_well_and_keeps_to_the_schema(
    request: pytest.FixtureRequest, tmp_path: Path, stage: str
) -> None:
    fixture, statements = STAGES[stage]
    database: Database = request.getfixturevalue(fixture)
    database.execute(statements)
    before = database.dump()

    done = run("--status", "--backup-dir", str(tmp_path), "--format", "json")

    assert done.code == 0, done
    assert done.document["stage"] == stage
    assert done.document["status"]["next"]
    assert f"Stage: {stage}, in schema public" in done.err
    assert database.dump() == before


def test_it_writes_nothing_even_where_it_could(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    sample.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'something was made'; END $$; "
        "CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()"
    )
    assigned: list[Any] = []

    def look(execute: Any, query: Any, parameters: Any, many: bool, context: Any) -> Any:
        """After each statement ask whether its transaction has an id: one that writes has."""
        answer = execute(query, parameters, many, context)
        with context["connection"].connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned()::text")
            assigned.append(cursor.fetchone()[0])
        return answer

    with connection.execute_wrapper(look):
        status(tmp_path)

    assert len(assigned) > 10
    assert set(assigned) == {None}


def test_it_works_where_nothing_may_be_written(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    sample.execute(f'ALTER DATABASE "{sample.name}" SET default_transaction_read_only = on')
    connection.close()

    assert status(tmp_path)["runs"]


def test_the_runs_are_told_the_latest_first(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    assert_succeeds(tmp_path, "--rollback")

    told = status(tmp_path)

    assert [item["kind"] for item in told["runs"]] == ["rollback", "migration"]
    assert all(item["finished"] >= item["started"] for item in told["runs"])
    assert {Path(item["backup_path"]).parent for item in told["runs"]} == {tmp_path}


def test_what_is_left_is_told_by_tenant(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    sample.execute(
        "UPDATE contacts SET email_set_aside = email, email = NULL "
        "WHERE id = (SELECT min(id) FROM contacts WHERE tenant_id = 1 AND email IS NOT NULL)"
    )

    told = status(tmp_path)

    expected = sample.fetch(
        "SELECT tenant_id, sum(placed), sum(loose), sum(emails) FROM ("
        " SELECT tenant_id, (company_id = placed_in_company_id)::int AS placed, 0 AS loose,"
        "        (email IS NULL AND email_set_aside IS NOT NULL)::int AS emails FROM contacts"
        " UNION ALL SELECT tenant_id, 0, (contact_id IS NULL)::int, 0 FROM orders) AS every"
        " GROUP BY tenant_id HAVING sum(placed) + sum(loose) + sum(emails) > 0 ORDER BY tenant_id"
    )
    left = [
        (item["tenant_id"], item["contacts"], item["orders"], item["emails"])
        for item in told["left"]
    ]
    assert left == expected
    assert sum(emails for *_, emails in left) == 1
    assert told["pending_rules"]["ck_contacts_phone_format"] > 0


def test_the_backups_are_told_with_what_they_are_of(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    (backup,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (tmp_path / ".migration_20200101_000000.aaaa.partial").mkdir()

    whole, unfinished = status(tmp_path)["backups"]

    assert whole["path"] == str(backup)
    assert whole["stage"] == "legacy"
    assert whole["whole"]
    assert whole["of_this_database"]
    assert whole["rows"]["orders"] == 600
    assert whole["size"] == sum(file.stat().st_size for file in backup.iterdir())
    assert not unfinished["whole"]


@pytest.mark.parametrize(
    ("harm", "lack"),
    [
        ("unlink", "orders.jsonl.gz is missing"),
        ("cut", "orders.jsonl.gz has another size than it was written with"),
    ],
)
def test_a_backup_that_is_not_whole_is_told_and_leads_nowhere(
    sample: Database, tmp_path: Path, harm: str, lack: str
) -> None:
    assert_succeeds(tmp_path)
    (file,) = tmp_path.glob("migration_*/orders.jsonl.gz")
    file.unlink() if harm == "unlink" else file.write_bytes(b"")

    told = status(tmp_path)

    assert told["backups"][0]["lack"] == lack
    assert [way["command"].split()[3] for way in told["ways_back"]] == ["--rollback"]


def test_a_backup_of_another_database_is_told_as_such(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    sample.execute("COMMENT ON TABLE orders IS 'another'")
    (manifest,) = tmp_path.glob("migration_*/manifest.json")
    values = json.loads(manifest.read_text())
    from contacts.restructuring.backup.manifest import _spell

    values.pop("sha256")
    manifest.write_bytes(_spell({**values, "database": "elsewhere"}))

    told = run("--status", "--backup-dir", str(tmp_path)).out

    assert "; of another database, elsewhere" in told
    assert "--restore" not in told


def test_the_ways_back_say_what_they_would_need(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    rollback, restore = status(tmp_path)["ways_back"]
    assert rollback["open"]
    assert "readers and writers are locked out" in rollback["needs"]
    assert restore["open"]
    assert "what was entered since 20" in restore["needs"]

    sample.execute("ALTER TABLE contacts ADD shoe text; UPDATE contacts SET email = NULL")
    sample.execute("UPDATE contacts SET email_set_aside = NULL")
    rollback, restore = status(tmp_path)["ways_back"]
    assert not rollback["open"]
    assert "Every contact has an e-mail" in rollback["needs"]
    assert not restore["open"]
    assert "contacts has a column shoe, which the backup does not have" in restore["needs"]


def test_a_way_back_that_is_closed_says_what_opens_it(sample: Database, tmp_path: Path) -> None:
    for mode in ((), ("--rollback",)):
        assert_succeeds(tmp_path, *mode)
    migrated, legacy = status(tmp_path)["ways_back"]
    assert not migrated["open"]
    assert migrated["needs"] == "closed: run 'manage.py migrate_contacts' first"
    assert legacy["open"]

    backup = migrated["command"].split()[-1]
    refused = run("--restore", backup, "--noinput", "--backup-dir", str(tmp_path))
    assert "[MC701]" in refused.error
    assert "To restore it, run 'manage.py migrate_contacts' first." in refused.error
    assert_succeeds(tmp_path, "--prepare")
    needs = [way["needs"] for way in status(tmp_path)["ways_back"]]
    assert needs[1:] == [
        "closed: run 'manage.py migrate_contacts' first",
        "closed: run 'manage.py migrate_contacts --abandon' first",
    ]
    assert_succeeds(tmp_path)
    assert_succeeds(tmp_path, "--restore", backup)


def test_each_stage_leads_to_each_backup_by_a_command() -> None:
    for backup, targets in TARGETS.items():
        for now in set(Stage) - {*targets, Stage.UNKNOWN}:
            assert "first" in first(backup, now)
            assert "odd" not in first(backup, now)


def test_the_bridge_and_its_roles_are_told(sample: Database, tmp_path: Path) -> None:
    assert status(tmp_path)["bridge"] is None
    assert_migrates(tmp_path, "--bridge")

    told = status(tmp_path)

    since = told["bridge"].pop("since")
    assert told["bridge"] == {
        "schema": "legacy",
        "roles": [],
        "calls": {"customers": 0, "orders": 0},
    }
    assert since.startswith("20")
    assert "--drop-bridge" in " ".join(step["command"] for step in told["next"])


def test_a_long_list_of_tenants_is_cut_and_summed(sample: Database, tmp_path: Path) -> None:
    sample.execute(
        "INSERT INTO tenants (id, name, subdomain) "
        "SELECT n, 'Tenant ' || n, 'tenant' || n FROM generate_series(1001, 1040) n"
    )
    sample.execute(
        "INSERT INTO customers (tenant_id, name, email) "
        "SELECT n, 'Nobody', n || '@c.example' FROM generate_series(1001, 1040) n"
    )
    assert_migrates(tmp_path)

    told = run("--status", "--backup-dir", str(tmp_path)).out

    assert "  … and 35 more\n" in told
    assert "  together: 59 contacts, 0 e-mails, 30 orders, of 45 tenants\n" in told
    assert len(told.splitlines()) < 50
