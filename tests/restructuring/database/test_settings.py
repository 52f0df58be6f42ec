"""Settings of the role or the database change neither what the tool reads nor how it is read."""

from pathlib import Path

import pytest
from django.db import connection, transaction

from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.settings import TEXT, apply_changing_settings
from jmsk.postgres.queries import value
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds, run

pytestmark = pytest.mark.slow

AWKWARD = {
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "extra_float_digits": "-10",
    "quote_all_identifiers": "on",
    "xmloption": "document",
    "backslash_quote": "off",
}
DEFAULTS = r"""
ALTER TABLE customers ADD photo bytea DEFAULT '\x00ff'::bytea,
    ADD seen timestamptz DEFAULT '2026-01-02 03:04:05+00',
    ADD every interval DEFAULT '1 day 2 hours', ADD "weight" double precision DEFAULT 0.1
"""
"""Columns whose default reads otherwise under other settings."""
NAMES_IT = r"""
CREATE FUNCTION lists() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM customers'
"""


@pytest.fixture
def awkward(sample: Database) -> Database:
    """A legacy database that sets what it can for whoever connects to it."""
    sample.execute(DEFAULTS)
    sample.execute(NAMES_IT)
    for name, setting in AWKWARD.items():
        sample.execute(f"ALTER DATABASE {sample.name} SET {name} = '{setting}'")
    return sample


def contents(database: Database) -> list[str]:
    """A dump of the legacy tables, sorted, without what its own session changes."""
    tables = (f"--table={name}" for name in ("tenants", "companies", "customers", "orders"))
    lines = database.dump(*tables).replace("\\\\", "\\").splitlines()
    return sorted(line for line in lines if not line.startswith("SET "))


def test_every_awkward_setting_is_one_that_the_tool_pins() -> None:
    assert set(AWKWARD) <= set(TEXT)


@pytest.mark.parametrize(("granted", "given"), [("4MB", "64MB"), ("1GB", "1GB")])
def test_a_run_gets_memory_unless_the_server_grants_more(
    sample: Database, granted: str, given: str
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{granted}'")
        in_force = apply_changing_settings(cursor, "public", Patience())
        assert in_force["work_mem"] == given
        assert value(cursor, "SHOW work_mem") == given


def test_a_full_run_and_the_ways_back_work_under_them(awkward: Database, tmp_path: Path) -> None:
    before = contents(awkward)

    assert_succeeds(tmp_path)
    (backup,) = tmp_path.glob("migration_2*/")
    assert_succeeds(tmp_path, "--verify-only")
    assert_succeeds(tmp_path, "--rollback")
    assert contents(awkward) == before
    assert_succeeds(tmp_path, "--skip-backup")
    assert_succeeds(tmp_path, "--restore", str(backup), "--skip-backup")
    assert contents(awkward) == before


def test_a_check_that_searches_texts_is_not_blinded_by_them(awkward: Database) -> None:
    told = run("--dry-run").out
    assert "Function lists() names customers" in told, told
