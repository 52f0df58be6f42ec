"""Leading roles to the bridge, and back."""

from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.bridge.roles import role_views, schemas_of
from tests.support.database.databases import Database
from tests.support.database.roles import roles
from tests.support.runs.bridge import make_bridge, take_away_bridge
from tests.support.runs.command import assert_migrates

SETTING = """
    SELECT s.setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
     WHERE d.datname = current_database() AND s.setrole = %s::regrole
"""


def settings(database: Database, role: str) -> list[str]:
    found = database.fetch(SETTING, [f'"{role}"'])
    return sorted(item for (items,) in found for item in items)


@pytest.mark.parametrize(
    ("before", "given"),
    [
        ("", 'legacy, "$user", public'),
        ("ALTER ROLE {role} SET search_path = shop, public", "legacy, shop, public"),
        (
            'ALTER ROLE {role} IN DATABASE {database} SET search_path = "Odd, ""Shop""", public',
            'legacy, "Odd, ""Shop""", public',
        ),
        ("ALTER ROLE {role} IN DATABASE {database} SET search_path = ''", "legacy"),
        ("ALTER DATABASE {database} SET search_path = base, public", "legacy, base, public"),
        (
            "ALTER ROLE {role} IN DATABASE {database} SET work_mem = '5MB'",
            'legacy, "$user", public',
        ),
    ],
    ids=["none", "of the role", "here", "empty", "of the database", "another setting"],
)
def test_a_role_is_led_to_the_bridge_and_back(migrated: Database, before: str, given: str) -> None:
    with roles(migrated, "shop") as (role,):
        if before:
            migrated.execute(before.format(role=f'"{role}"', database=f'"{migrated.name}"'))
        was = settings(migrated, role)
        make_bridge(roles=(role,))
        assert f"search_path={given}" in settings(migrated, role)
        with connection.cursor() as cursor:
            (found,) = role_views(cursor, (role,))
            assert found.sees("legacy")
        assert take_away_bridge() == []
        assert settings(migrated, role) == was


def test_a_path_that_somebody_has_set_since_stays(migrated: Database) -> None:
    with roles(migrated, "shop") as (role,):
        make_bridge(roles=(role,))
        migrated.execute(
            f'ALTER ROLE "{role}" IN DATABASE "{migrated.name}" SET search_path = mine'
        )
        assert take_away_bridge() == [f"Role {role} has got another search_path since, which stays"]
        assert settings(migrated, role) == ["search_path=mine"]


def test_a_role_that_is_gone_is_no_obstacle(migrated: Database) -> None:
    with roles(migrated, "shop") as (role,):
        make_bridge(roles=(role,))
        migrated.execute(f'ALTER ROLE "{role}" IN DATABASE "{migrated.name}" RESET ALL')
    assert take_away_bridge() == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ('Legacy,"Legacy" , a"b', ["legacy", "Legacy", "a", "b"]),
        ('""', []),
        ('"a""b", "c, d"', ['a"b', "c, d"]),
    ],
)
def test_a_search_path_is_read_as_the_server_reads_it(path: str, names: list[str]) -> None:
    assert schemas_of(path) == names


def test_a_bridge_leaves_nothing_behind(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    before = sample.dump()
    make_bridge()
    assert take_away_bridge() == []
    assert sample.dump() == before


def test_what_others_have_put_into_the_schema_stays(migrated: Database) -> None:
    make_bridge()
    migrated.execute("CREATE TABLE legacy.notes (id integer)")
    assert take_away_bridge() == ["Schema legacy holds something of others, so it stays"]
    assert migrated.value("SELECT to_regclass('legacy.notes') IS NOT NULL")


def test_a_schema_that_stood_empty_before_is_used_and_stays(migrated: Database) -> None:
    migrated.execute("CREATE SCHEMA legacy; COMMENT ON SCHEMA legacy IS 'ours'")
    before = migrated.dump()
    make_bridge()
    take_away_bridge()
    assert migrated.dump() == before
