"""Whatever a legacy database had drifted to, a rollback brings it back, object for object."""

from pathlib import Path

import pytest
from psycopg2 import sql

from tests.cases import awkward
from tests.cases.drifts_to_come_back import DRIFT, NOT_NULL_NAMES
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.database.versions import skip_unless_known, without_nulls_not_distinct
from tests.support.runs.command import assert_migrates, run

pytestmark = pytest.mark.slow

ROLLBACK = ("--rollback", "--noinput", "--skip-backup")
FORGET_TYPES = """
    UPDATE contacts_restructuringrun SET legacy_objects = (
        SELECT jsonb_object_agg(name, jsonb_set(remembered, '{objects}', (
                   SELECT jsonb_agg(item - ARRAY['type', 'columns', 'target', 'target_columns',
                                                 'validated', 'predicate'])
                     FROM jsonb_array_elements(remembered -> 'objects') AS item)))
          FROM jsonb_each(legacy_objects) AS of_table (name, remembered))
     WHERE kind = 'migration'
"""
"""Earlier versions remembered the definition of an index or constraint only."""


@pytest.mark.parametrize("drift", DRIFT.values(), ids=DRIFT)
def test_drift_comes_back(legacy: Database, tmp_path: Path, drift: str) -> None:
    if "PUBLICATION" in drift:
        skip_unless_known(legacy, drift)
    _migrate_and_roll_back(legacy, tmp_path, drift)


@pytest.mark.parametrize("drift", NOT_NULL_NAMES.values(), ids=NOT_NULL_NAMES)
def test_drift_of_version_18_comes_back(legacy: Database, tmp_path: Path, drift: str) -> None:
    if legacy.version < 18:
        pytest.skip("the server is older than PostgreSQL 18, which names NOT NULL constraints")
    _migrate_and_roll_back(legacy, tmp_path, drift)


@pytest.mark.parametrize("drift", ["other names", "names of the target", "twice the same"])
def test_what_an_earlier_version_remembered_comes_back(
    legacy: Database, tmp_path: Path, drift: str
) -> None:
    legacy.execute(awkward.ROWS)
    legacy.run_script(DRIFT[drift])
    before = photograph(legacy)
    assert_migrates(tmp_path)
    legacy.execute(FORGET_TYPES)
    done = run(*ROLLBACK, "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, ""), done
    assert changes(before, photograph(legacy)) == []


def _migrate_and_roll_back(legacy: Database, folder: Path, drift: str) -> None:
    legacy.execute(awkward.ROWS)
    legacy.run_script(without_nulls_not_distinct(legacy, drift))
    before = photograph(legacy)
    assert_migrates(folder)
    done = run(*ROLLBACK, "--backup-dir", str(folder))
    assert (done.code, done.error) == (0, ""), done
    assert changes(before, photograph(legacy)) == []


def test_a_schema_of_an_odd_name_is_no_obstacle(legacy: Database, tmp_path: Path) -> None:
    schema, name = sql.Identifier('a "b" %s {0}'), sql.Identifier(legacy.name)
    legacy.execute(sql.SQL("ALTER SCHEMA public RENAME TO {}").format(schema))
    legacy.execute(sql.SQL("ALTER DATABASE {} SET search_path TO {}").format(name, schema))
    _migrate_and_roll_back(legacy, tmp_path, "")


def test_indexes_that_are_made_again_lie_in_the_tablespaces_that_they_lay_in(
    legacy: Database, tmp_path: Path
) -> None:
    space = f"space_{legacy.name}"
    in_place = "SET allow_in_place_tablespaces = on;"
    legacy.run_script(f"{in_place} CREATE TABLESPACE {space} LOCATION ''")
    try:
        drift = f"""
            ALTER INDEX uq_customer_email_per_tenant SET TABLESPACE {space};
            ALTER INDEX ix_customers_email SET TABLESPACE {space};
            COMMENT ON CONSTRAINT uq_customer_email_per_tenant ON customers IS 'one each';
            COMMENT ON CONSTRAINT orders_customer_id_fkey ON orders IS 'who ordered'"""
        _migrate_and_roll_back(legacy, tmp_path, drift)
    finally:
        legacy.execute(f"ALTER INDEX ALL IN TABLESPACE {space} SET TABLESPACE pg_default")
        legacy.execute(f"DROP TABLESPACE {space}")


def test_a_tablespace_that_has_gone_does_not_stand_in_the_way(
    legacy: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    legacy.execute(
        "UPDATE contacts_restructuringrun SET legacy_objects = jsonb_set(legacy_objects, "
        "'{customers,objects}', (SELECT jsonb_agg(item || '{\"tablespace\": \"gone\"}') "
        "FROM jsonb_array_elements(legacy_objects #> '{customers,objects}') AS item))"
    )
    done = run(*ROLLBACK, "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, "")
