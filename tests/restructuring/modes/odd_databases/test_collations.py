"""E-mails that are equal whatever their case, by a collation that takes no pattern."""

from pathlib import Path

import pytest
from psycopg2.errors import FeatureNotSupported

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds, run

COLLATION = """
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
"""
COLUMNS = """
ALTER TABLE customers ALTER email TYPE varchar COLLATE nocase;
ALTER TABLE companies ALTER email TYPE varchar COLLATE nocase;
"""


def test_rules_hold_for_columns_that_take_no_pattern(legacy: Database, tmp_path: Path) -> None:
    try:
        legacy.execute(COLLATION)
    except FeatureNotSupported:
        pytest.skip("this server was built without ICU, which alone has such collations")
    legacy.execute(COLUMNS + awkward.ROWS)

    done = assert_succeeds(tmp_path)

    assert "could not run" not in done.output
    assert "Row 18 of customers (tenant 2) breaks ck_contacts_email_format" in done.out
    legacy.execute("UPDATE contacts SET email = 'put-right' || id || '@example.com' WHERE id > 2")
    assert "ck_contacts_email_format" in run("--enforce-rules", "--noinput").out
    assert legacy.value(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname = 'ck_contacts_email_format'"
    ).count('COLLATE "C"')
    assert_succeeds(tmp_path, "--rollback")
