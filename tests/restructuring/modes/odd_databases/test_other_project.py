"""Another Django project in the same database: refused, or left alone in a schema of its own."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from tests.cases import awkward
from tests.support.admin.pages import COMPANIES, CONTACTS, ORDERS, client_of
from tests.support.applications.other_project import OtherProject
from tests.support.database.databases import Database
from tests.support.database.photograph import changes
from tests.support.runs.command import assert_migrates, assert_refused, migrate, run_into

pytestmark = pytest.mark.slow

HINT = "Set DJANGO_SCHEMA=jmsk"


@pytest.fixture(params=[False, True], ids=["Django's user", "own user"])
def other(request: pytest.FixtureRequest, legacy: Database, tmp_path: Path) -> OtherProject:
    legacy.execute(awkward.ROWS)
    project = OtherProject(tmp_path / "other", legacy, own_user=request.param)
    project.write()
    project.manage("migrate")
    return project


@pytest.fixture
def in_schema(settings: Any) -> None:
    settings.DJANGO_SCHEMA = "jmsk"
    settings.SECURE_SSL_REDIRECT = False


def test_its_records_are_recognised_and_nothing_is_touched(
    other: OtherProject, tmp_path: Path
) -> None:
    before = other.database.dump()
    refused = migrate(tmp_path)
    told = "django_migrations records blog.0001_initial: this project has no such app"
    assert_refused(other.database, refused, before, told, HINT)
    dry = run_into(tmp_path, "--dry-run")
    assert_refused(other.database, dry, before, told)


@pytest.mark.parametrize(
    ("target", "statement", "told"),
    [
        (
            ("auth", "0008"),
            "CREATE VIEW staff AS SELECT first_name FROM auth_user",
            "records auth without auth.0009_alter_user_last_name_max_length, as another Django",
        ),
        (
            ("auth",),
            "ALTER TABLE auth_user ADD badge text",
            "auth_user has a column badge, so it is another one's",
        ),
    ],
    ids=["another version of Django's apps", "a table of users that is not ours"],
)
def test_another_project_is_recognised_by(
    legacy: Database, tmp_path: Path, target: tuple[str, ...], statement: str, told: str
) -> None:
    project = OtherProject(tmp_path / "other", legacy)
    project.write()
    project.manage("migrate", *target)
    legacy.execute(statement)
    before = legacy.dump()
    assert_refused(legacy, migrate(tmp_path), before, told, HINT)


def test_the_project_s_own_tables_are_no_obstacle(legacy: Database, tmp_path: Path) -> None:
    """A plain migrate has made them, and stopped at the legacy tables."""
    project = OtherProject(tmp_path / "other", legacy)
    project.write()
    project.manage("migrate", "auth")
    assert_migrates(tmp_path)


@pytest.mark.usefixtures("in_schema")
def test_with_a_schema_of_its_own_the_online_road_touches_none_of_it(
    other: OtherProject, tmp_path: Path
) -> None:
    theirs = other.tables()

    prepared = run_into(tmp_path, "--prepare", "--noinput", "--pace", "fast")
    assert prepared.code == 0, prepared.output
    assert_migrates(tmp_path)

    assert other.tables() == theirs
    assert other.database.value("SELECT count(*) FROM jmsk.contacts_restructuringrun") == 1
    back = run_into(tmp_path, "--rollback", "--noinput")
    assert (back.code, back.error) == (0, ""), back


@pytest.mark.usefixtures("in_schema")
def test_with_a_schema_of_its_own_the_whole_way_works_and_touches_none_of_it(
    other: OtherProject, tmp_path: Path
) -> None:
    database, before = other.database, other.database.dump("--schema=public")
    theirs = other.tables()
    assert run_into(tmp_path, "--dry-run").code == 0
    done = run_into(tmp_path)
    assert (done.code, other.tables()) == (0, theirs), done.output
    assert own_tables(database) >= {"auth_user", "contacts_restructuringrun", "django_migrations"}
    assert not own_tables(database) & {"addresses", "contacts", "companies", "orders", "tenants"}
    assert database.value("SELECT to_regclass('public.addresses') IS NOT NULL")
    assert database.value("SELECT to_regclass('public.contacts_restructuringrun') IS NULL")
    assert run_into(tmp_path, "--verify-only").code == 0
    assert "already migrated" in run_into(tmp_path).output
    look_at_the_admin()
    assert other.tables() == theirs
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    rolled_back = run_into(tmp_path, "--rollback")
    assert rolled_back.code == 0, rolled_back.output
    assert changes(ordered(before), ordered(database.dump("--schema=public"))) == []
    assert run_into(tmp_path, "--skip-backup").code == 0
    assert run_into(tmp_path, "--restore", str(backup)).code == 0
    assert changes(ordered(before), ordered(database.dump("--schema=public"))) == []
    other.manage("migrate")


@pytest.mark.usefixtures("in_schema")
def test_before_the_run_nobody_logs_in_with_the_other_one_s_users(other: OtherProject) -> None:
    theirs = other.tables()
    assert Client().get("/admin/login/").status_code == 503
    assert other.tables() == theirs


@pytest.mark.usefixtures("in_schema")
def test_a_rehearsal_and_a_failed_run_leave_no_schema(
    other: OtherProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = other.database.dump()
    rehearsed = run_into(tmp_path, "--rehearse")
    assert rehearsed.code == 0, rehearsed.output
    assert other.database.dump() == before


@pytest.mark.usefixtures("in_schema")
def test_no_session_keeps_the_search_path(legacy: Database, tmp_path: Path) -> None:
    """Behind a pooler that hands out transactions the next one is somebody else's."""
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts_restructuringrun")
        assert cursor.fetchone() == (1,)
        raw = connection.connection
        with raw.cursor() as session:
            session.execute("SHOW search_path")
            assert "jmsk" not in session.fetchone()[0]
        with transaction.atomic():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SHOW search_path")
            assert cursor.fetchone()[0].startswith("jmsk, ")


def own_tables(database: Database) -> set[str]:
    return {
        name
        for (name,) in database.fetch(
            "SELECT relname FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE nspname = 'jmsk' AND relkind = 'r'"
        )
    }


def ordered(dump: str) -> str:
    return "\n".join(sorted(dump.splitlines()))


def look_at_the_admin() -> None:
    client = client_of(superuser=True)
    for page in ("/admin/", CONTACTS, COMPANIES, ORDERS, "/admin/contacts/restructuringrun/"):
        assert client.get(page).status_code == 200, page
    company = client.get(f"{COMPANIES}1/change/")
    assert company.status_code == 200
    client.logout()
    assert client.get("/admin/").status_code == 302
