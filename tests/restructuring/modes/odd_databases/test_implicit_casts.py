"""A database in which numbers become text by themselves, as some people make it for old programs.

There ``'tenant ' || 1`` is ambiguous: the operator has to be named by exact types.
"""

from pathlib import Path

import pytest

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds

pytestmark = pytest.mark.slow

CASTS = "".join(
    f"CREATE CAST ({number} AS text) WITH INOUT AS IMPLICIT;"
    for number in ("smallint", "integer", "bigint", "oid", "double precision")
)


def test_every_check_and_change_runs_where_numbers_become_text(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(CASTS + awkward.ROWS + awkward.DUPLICATES)

    done = [
        assert_succeeds(tmp_path),
        assert_succeeds(tmp_path, "--verify-only"),
        assert_succeeds(tmp_path, "--rollback"),
    ]
    (backup,) = (path for path in sorted(tmp_path.glob("migration_*"))[:1])
    done.append(assert_succeeds(tmp_path, "--restore", str(backup)))

    assert [result.output for result in done if "could not run" in result.output] == []
