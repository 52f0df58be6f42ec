"""The ways back from a migrated database that was dumped and restored elsewhere."""

from pathlib import Path

import pytest

from tests.cases import awkward
from tests.support.database.databases import Database, django_uses
from tests.support.runs.command import assert_succeeds, run_into

pytestmark = pytest.mark.slow

NAMESAKE = """
CREATE FUNCTION mailing_addresses(integer) RETURNS int LANGUAGE sql AS 'SELECT $1 AS addresses';
"""
"""A function of the legacy application that means something else by the word."""
NEW_TEXT = """
CREATE OR REPLACE FUNCTION mailing_addresses(integer) RETURNS int LANGUAGE sql AS
    'SELECT count(*)::int FROM addresses WHERE id = $1';
"""


@pytest.fixture
def restored(legacy: Database, empty: Database, tmp_path: Path) -> Database:
    """A migrated database in which every object is younger than the migration."""
    legacy.execute(awkward.ROWS + NAMESAKE)
    with django_uses(legacy):
        assert_succeeds(tmp_path)
    # What pg_dump 18 writes at the head, no server before 17 understands.
    empty.run_script(legacy.dump().replace("SET transaction_timeout = 0;\n", ""))
    return empty


@pytest.mark.parametrize("way", ["--rollback", "--restore"])
def test_a_function_that_was_there_is_no_obstacle(
    restored: Database, tmp_path: Path, way: str
) -> None:
    (backup,) = (path for path in tmp_path.glob("migration_*") if path.is_dir())

    assert_succeeds(tmp_path, way, *[str(backup)][: way == "--restore"])

    assert restored.value("SELECT count(*) FROM customers") == 7


def test_a_function_whose_text_is_new_is_told(restored: Database, tmp_path: Path) -> None:
    restored.execute(NEW_TEXT)

    refused = run_into(tmp_path, "--rollback")

    assert refused.code == 1
    assert "Function mailing_addresses(integer) names contacts, contact_id or addr" in refused.out
