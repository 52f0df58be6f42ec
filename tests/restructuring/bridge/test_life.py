"""The bridge from its making to its end, by the command."""

from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.bridge.description import read_bridge
from contacts.restructuring.bridge.grants import INVOKER_VERSION
from contacts.restructuring.database.layout import Stage, read_layout
from tests.support.database.databases import Database
from tests.support.database.roles import roles
from tests.support.runs.bridge import rows, session
from tests.support.runs.command import (
    assert_migrates,
    assert_refused,
    assert_succeeds,
    migrate,
    run,
)

pytestmark = pytest.mark.slow


def standing() -> bool:
    with connection.cursor() as cursor:
        return read_bridge(cursor) is not None


def server_version(database: Database) -> int:
    return int(database.value("SHOW server_version_num"))


def assert_runs(folder: Path, *arguments: str) -> str:
    return assert_succeeds(folder, "--skip-backup", *arguments).out


def test_a_migration_makes_it_and_a_rollback_takes_it_away(
    sample: Database, tmp_path: Path
) -> None:
    with roles(sample, "shop") as (role,):
        before = sample.dump()
        assert_migrates(tmp_path, "--bridge", "--bridge-role", role)
        assert standing()
        with session(sample) as application:
            assert rows(application, "SELECT count(*) FROM customers") != [(0,)]
        assert_runs(tmp_path, "--rollback")
        assert not standing()
        assert sample.value("SELECT to_regnamespace('legacy') IS NULL")
        assert (
            sample.fetch(
                "SELECT * FROM pg_db_role_setting WHERE setrole = %s::regrole", [f'"{role}"']
            )
            == []
        )
        assert "CREATE VIEW" not in sample.dump()
        assert before.count("CREATE TABLE") <= sample.dump().count("CREATE TABLE")


def test_what_becomes_of_it_is_said_before_the_question(sample: Database, tmp_path: Path) -> None:
    assert "the bridge" not in assert_runs(tmp_path)
    assert "the bridge goes" not in assert_runs(tmp_path, "--rollback")
    made = assert_runs(tmp_path, "--bridge", "--bridge-schema", "old")
    assert "schema old gets the bridge for the legacy application" in made
    assert "the bridge goes: the legacy application" in assert_runs(tmp_path, "--rollback")


def test_a_restore_takes_it_away(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path, "--bridge")
    (backup,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert standing()
    assert_runs(tmp_path, "--restore", str(backup))
    assert not standing()
    assert read_layout(connection).stage is Stage.LEGACY


def test_a_restore_of_a_migrated_backup_leaves_it(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path, "--bridge")
    assert_succeeds(tmp_path, "--rollback")
    (backup,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert_migrates(tmp_path, "--bridge")
    with session(sample) as application:
        rows(application, "UPDATE customers SET name = 'x', company_id = NULL WHERE id < 9")
        rows(application, "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'x', 'y@x.a')")
        application.commit()
    assert_runs(tmp_path, "--restore", str(backup))
    assert standing()
    assert_runs(tmp_path, "--verify-only")


def test_a_rehearsal_makes_it_and_leaves_nothing(sample: Database, tmp_path: Path) -> None:
    before = sample.dump()
    assert_runs(tmp_path, "--rehearse", "--bridge")
    assert sample.dump() == before


def test_it_can_be_added_later_and_dropped(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    before = sample.dump("--schema-only")
    assert "will not see" not in assert_runs(tmp_path, "--dry-run")
    assert "stands in schema old" in assert_runs(tmp_path, "--bridge", "--bridge-schema", "old")
    assert "stands already" in assert_runs(tmp_path, "--bridge")
    assert "bridge stands in schema old since" in assert_runs(tmp_path, "--verify-only", "-v2")
    assert "The bridge is gone" in assert_runs(tmp_path, "--drop-bridge")
    assert "No bridge stands" in assert_runs(tmp_path, "--drop-bridge")
    assert sample.dump("--schema-only") == before


@pytest.mark.parametrize("mode", ["--rollback", "--verify-only", "--drop-bridge"])
def test_the_option_goes_with_what_makes_one_only(
    sample: Database, tmp_path: Path, mode: str
) -> None:
    assert run(mode, "--bridge").code == 2
    assert run("--bridge-role", "shop").code == 2


def test_a_role_that_sees_the_bridge_does_not_confuse_the_stage(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path, "--bridge")
    sample.execute(f'ALTER DATABASE "{sample.name}" SET search_path = legacy, public')
    connection.close()
    layout = read_layout(connection)
    assert (layout.stage, layout.schema) == (Stage.MIGRATED, "public")
    assert_runs(tmp_path, "--verify-only")
    assert_runs(tmp_path, "--rollback")
    assert read_layout(connection).stage is Stage.LEGACY
    assert_migrates(tmp_path, "--bridge")
    assert_runs(tmp_path, "--drop-bridge")


BROKEN = {
    "DROP VIEW legacy.orders": "View legacy.orders is missing",
    "ALTER VIEW legacy.orders RESET (security_invoker)": "reads with other rights",
    "DROP TRIGGER trg_bridge_fill_order ON orders": "Trigger trg_bridge_fill_order on orders",
    "ALTER TABLE contacts DISABLE TRIGGER trg_bridge_place_contact": "trg_bridge_place_contact on",
    "DROP TRIGGER trg_bridge_check_customer ON legacy.customers": "trg_bridge_check_customer on",
    "CREATE OR REPLACE FUNCTION legacy.trg_bridge_keep_company() RETURNS trigger LANGUAGE plpgsql "
    "SECURITY DEFINER SET search_path = pg_catalog, public AS 'BEGIN RETURN OLD; END'": (
        "Function legacy.trg_bridge_keep_company says something else"
    ),
    "ALTER FUNCTION legacy.trg_bridge_fill_order() SECURITY INVOKER": "other rights or settings",
    "ALTER FUNCTION legacy.trg_bridge_fill_order() RESET ALL": "other rights or settings",
    "DROP INDEX ix_bridge_email": "Index ix_bridge_email on contacts is missing",
    "COMMENT ON FUNCTION legacy.trg_bridge_write_customer() IS 'x'": "What it remembers",
    "GRANT SELECT ON contacts TO pg_monitor": "GRANT SELECT ON",
}


@pytest.mark.parametrize(("meddling", "told"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_verification_says_what_is_wrong_with_it(
    sample: Database, tmp_path: Path, meddling: str, told: str
) -> None:
    assert_migrates(tmp_path, "--bridge")
    sample.execute(meddling)
    done = run("--verify-only", "--backup-dir", str(tmp_path))
    if "security_invoker" in meddling and server_version(sample) < INVOKER_VERSION:
        assert done.code == 0  # there it reads as its owner from the start
        return
    assert done.code == 1
    assert told in done.out
    assert_runs(tmp_path, "--drop-bridge")
    if "GRANT" not in meddling:
        assert_runs(tmp_path, "--verify-only")


def test_a_repair_makes_it_anew(sample: Database, tmp_path: Path) -> None:
    with roles(sample, "shop") as (role,):
        assert_migrates(tmp_path, "--bridge", "--bridge-role", role)
        before = sample.dump("--schema-only")
        index = sample.value("SELECT 'ix_bridge_company_id'::regclass::oid")
        for meddling, told in BROKEN.items():
            if "GRANT" in meddling or "COMMENT" in meddling:
                continue
            sample.execute(meddling)
            if "security_invoker" in meddling and server_version(sample) < INVOKER_VERSION:
                continue
            assert told in " ".join(assert_runs(tmp_path, "--repair").split())
            assert sample.dump("--schema-only") == before
        assert sample.value("SELECT 'ix_bridge_company_id'::regclass::oid") == index
        for meddling in BROKEN:
            if "GRANT" in meddling or "COMMENT" in meddling:
                sample.execute(meddling)
        assert_runs(tmp_path, "--repair")
        assert_runs(tmp_path, "--verify-only")
        with session(sample) as application:
            assert rows(application, "SELECT count(*) FROM customers") != [(0,)]


def test_it_is_not_dropped_while_a_session_is_at_work_on_it(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path, "--bridge")
    before = sample.dump()
    call = ("--drop-bridge", "--lock-timeout", "0.1", "--lock-tries", "1")
    with session(sample) as application:
        rows(application, "SELECT count(*) FROM customers")
        refused = run(*call, "--noinput", "--backup-dir", str(tmp_path))
        assert_refused(sample, refused, before, "could not be locked", "idle in transaction")
    assert_runs(tmp_path, "--drop-bridge")


def test_columns_that_somebody_has_dropped_leave_no_room_for_it(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    sample.execute("ALTER TABLE orders DROP COLUMN customer_phone")
    before = sample.dump()
    done = migrate(tmp_path, "--bridge")
    assert_refused(sample, done, before, "The legacy column orders.customer_phone is gone")


def test_a_schema_that_is_taken_is_refused(sample: Database, tmp_path: Path) -> None:
    sample.execute("CREATE SCHEMA legacy; CREATE TABLE legacy.x ()")
    before = sample.dump()
    done = migrate(tmp_path, "--bridge", "--bridge-role", "nobody there")
    assert_refused(sample, done, before, "Schema legacy holds something", "no role nobody there")


def test_roles_that_will_not_see_it_are_named_with_their_statement(
    sample: Database, tmp_path: Path
) -> None:
    with roles(sample, "shop", "report") as (shop, report):
        for role in (shop, report):
            sample.execute(f'ALTER ROLE "{role}" LOGIN; GRANT SELECT ON customers TO "{role}"')
        told = assert_runs(tmp_path, "--dry-run", "--bridge", "--bridge-role", report)
        path = 'SET search_path = "legacy", "$user", "public"'
        assert f'ALTER ROLE "{shop}" IN DATABASE "{sample.name}" {path}' in " ".join(told.split())
        assert f"Role {report} will not see" not in told


def test_functions_that_it_cannot_serve_are_named(sample: Database, tmp_path: Path) -> None:
    sample.execute(
        "CREATE FUNCTION next_one() RETURNS bigint LANGUAGE sql "
        "AS $$ SELECT nextval('customers_id_seq') $$;"
        "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS $$ TRUNCATE customers CASCADE $$;"
        "CREATE FUNCTION pinned() RETURNS bigint LANGUAGE sql SET search_path = public "
        "AS $$ SELECT count(*) FROM customers $$;"
        "CREATE FUNCTION upsert() RETURNS void LANGUAGE sql AS $$ INSERT INTO customers "
        "(tenant_id, name, email) VALUES (1, 'x', 'x@x.example') ON CONFLICT DO NOTHING $$;"
        "CREATE FUNCTION everybody() RETURNS SETOF customers LANGUAGE sql "
        "AS $$ SELECT * FROM customers $$;"
        "CREATE FUNCTION told(customers) RETURNS text LANGUAGE sql AS $$ SELECT $1.name $$"
    )
    told = " ".join(assert_runs(tmp_path, "--dry-run", "--bridge").split())
    assert "next_one() names customers_id_seq" in told
    assert "wipe() truncates a table" in told
    assert "pinned() has a search_path of its own" in told
    assert "upsert() inserts ON CONFLICT into customers" in told
    assert "everybody() takes or returns rows of customers" in told
    assert "told(customers) takes or returns rows of customers" in told
