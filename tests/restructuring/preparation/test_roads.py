"""Both roads, offline and online, lead to one catalogue and the same rows."""

from pathlib import Path

import pytest

from tests.cases import awkward, drifts
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.command import assert_migrates, run, run_into

pytestmark = pytest.mark.slow

REFUSED = {
    "no unique constraint": "no immediate unique key on (tenant_id, email)",
    "missing indexes": "orders lacks the key ix_orders_order_number",
    "no primary key": "orders lacks the key orders_pkey",
}
"""The drifts that a preparation refuses, by what it says."""
FIRST = {
    "required customers": "DELETE FROM shipments; DELETE FROM manufacturing_steps;"
    " DELETE FROM orders WHERE customer_id IS NULL;"
}
"""What the rows need before they can drift like this."""
REWRITTEN = {"constraints and indexes of others": "half"}
"""An index of others that was never finished: the offline run rewrites orders, which builds it
anew; the online road leaves it as it is."""
ROWS = {
    "tenants": "SELECT t::text FROM tenants t ORDER BY id",
    "companies": "SELECT (to_jsonb(c) - 'created_at' - 'updated_at')::text FROM companies c"
    " ORDER BY id",
    "contacts": "SELECT c::text FROM contacts c ORDER BY id",
    "orders": "SELECT o::text FROM orders o ORDER BY id",
    "auth_permission": "SELECT app_label, model, codename, p.name FROM auth_permission p"
    " JOIN django_content_type c ON c.id = p.content_type_id ORDER BY 1, 2, 3",
}


def migrate_online(folder: Path) -> None:
    """Prepare Django's default database, then switch it."""
    prepared = run("--prepare", "--noinput", "--pace", "fast")
    assert (prepared.code, prepared.error) == (0, ""), prepared
    assert_migrates(folder)


def schema(database: Database) -> str:
    """Return pg_dump's text of the whole schema."""
    return database.dump("--schema-only")


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of the restructured tables, less when default companies were made."""
    return {table: database.fetch(query) for table, query in ROWS.items()}


def assert_same(online: Database, offline: Database) -> None:
    """Fail unless both databases hold the same, object for object and row for row."""
    assert schema(online) == schema(offline)
    online_rows, offline_rows = rows(online), rows(offline)
    for table in ROWS:
        assert online_rows[table] == offline_rows[table]
    assert online.value("SELECT to_regclass('jmsk_preparation')") is None
    assert online.fetch("SELECT proname FROM pg_proc WHERE proname ~ '^jmsk_'") == []


@pytest.mark.parametrize("drift", ["none", *(name for name in drifts.SQL if name not in REFUSED)])
def test_both_roads_lead_to_the_same(
    server: Server, legacy: Database, tmp_path: Path, drift: str
) -> None:
    legacy.execute(awkward.ROWS + FIRST.get(drift, "") + drifts.SQL.get(drift, ""))
    offline = server.copy(legacy)
    offline_folder, online_folder = tmp_path / "offline", tmp_path / "online"

    with django_uses(offline):
        assert_migrates(offline_folder)
    migrate_online(online_folder)

    offline.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
        [REWRITTEN.get(drift)],
    )
    assert_same(legacy, offline)
    server.drop(offline.name)


@pytest.mark.parametrize("drift", REFUSED)
def test_what_only_the_offline_run_can_do_is_said_at_once(legacy: Database, drift: str) -> None:
    legacy.execute(awkward.ROWS + drifts.SQL[drift])
    before = legacy.dump()

    done = run("--prepare", "--noinput")

    assert done.code == 1
    assert "MC901" in done.error
    assert REFUSED[drift] in done.error
    assert legacy.dump() == before


@pytest.mark.parametrize("drift", ["none", "identity key", "storage", "extra columns"])
def test_rollback_leads_back_as_after_an_offline_migration(
    legacy: Database, tmp_path: Path, drift: str
) -> None:
    legacy.execute(awkward.ROWS + drifts.SQL.get(drift, ""))
    tables = ("-t", "tenants", "-t", "companies", "-t", "customers", "-t", "orders")
    before = sorted(legacy.dump(*tables).splitlines())
    migrate_online(tmp_path)

    done = run_into(tmp_path, "--rollback", "--noinput")

    assert (done.code, done.error) == (0, ""), done
    assert sorted(legacy.dump(*tables).splitlines()) == before


def test_backup_of_a_prepared_database_restores_the_legacy_one(
    legacy: Database, empty: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    expected = legacy.fetch("SELECT o::text FROM orders o ORDER BY id")
    with django_uses(legacy):
        assert run("--prepare", "--noinput", "--pace", "fast").code == 0
        done = run("--noinput", "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, ""), done
    backup = next(path for path in tmp_path.iterdir() if path.is_dir())

    restored = run("--restore", str(backup), "--noinput", "--backup-dir", str(tmp_path))

    assert (restored.code, restored.error) == (0, ""), restored
    assert empty.fetch("SELECT o::text FROM orders o ORDER BY id") == expected
    names = {name for (name,) in empty.fetch("SELECT indexname FROM pg_indexes")}
    assert not names & {"ix_orders_company_id", "uq_contact_email_per_company"}


def test_a_database_that_was_taken_back_goes_the_online_road_the_next_time(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    assert run_into(tmp_path, "--rollback", "--skip-backup").code == 0

    migrate_online(tmp_path)

    assert run_into(tmp_path, "--verify-only").code == 0
