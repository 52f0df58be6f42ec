"""Who writes or alters the tables while the question is open."""

import gzip
import json
from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.aftermath import Legacy, remember, state
from tests.support.runs.command import Result, assert_clear_refusal, start

pytestmark = pytest.mark.slow

WRITE = "UPDATE customers SET name = 'Written Meanwhile' WHERE id = 3"


def run_while(database: Database, statement: str, *options: str) -> tuple[Result, Legacy]:
    """Run ``statement`` while the question is open; return what came of the run.

    Also what was there when it was answered.
    """
    with start(database, *options, terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        database.execute(statement)
        before = remember(database)
        begun.answer("yes")
        return begun.end(), before


def test_who_writes_after_the_backup_makes_it_be_taken_again(
    sample: Database, tmp_path: Path
) -> None:
    done, before = run_while(sample, WRITE, "--backup-dir", str(tmp_path))
    assert done.code == 0, done.output
    assert "somebody wrote since the backup was taken" in done.err
    assert state(sample, before) == "migrated"
    first, second = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    (report,) = tmp_path.glob("migration_report_*.txt")
    told = report.read_text()
    assert "taken again under the lock, which kept readers and writers out" in " ".join(
        told.split()
    )
    assert str(second) in told
    names = [name_of_customer_3(folder) for folder in (first, second)]
    assert names[1] == "Written Meanwhile" != names[0]
    manifest = json.loads((second / "manifest.json").read_text())
    rows = {table["table"]: table["rows"] for table in manifest["tables"]}
    assert rows == {table: len(found) for table, found in before.rows.items()}


FAILS_LATE = """
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'no triggers here'; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER')
EXECUTE FUNCTION refuse();
"""


def test_a_run_that_fails_names_the_backup_that_holds_what_was_written_meanwhile(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute(FAILS_LATE)
    done, _ = run_while(sample, WRITE, "--backup-dir", str(tmp_path))
    assert done.code == 1
    assert "no triggers here" in done.error
    _, second = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert f"stays in {second}." in done.error
    assert name_of_customer_3(second) == "Written Meanwhile"


def name_of_customer_3(folder: Path) -> str:
    """Return a customer's name as a backup has it."""
    with gzip.open(folder / "customers.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return next(str(row["fields"]["name"]) for row in rows if row["pk"] == 3)


def test_who_writes_before_the_lock_with_skip_backup_is_kept(
    sample: Database, tmp_path: Path
) -> None:
    done, before = run_while(sample, WRITE, "--skip-backup", "--backup-dir", str(tmp_path))
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"


def test_a_table_that_was_changed_while_the_question_was_open_is_refused(
    sample: Database, tmp_path: Path
) -> None:
    add = "ALTER TABLE customers ADD COLUMN nickname text"
    done, before = run_while(sample, add, "--backup-dir", str(tmp_path))
    assert_clear_refusal(done, "changed while the question was open", "Run it again")
    assert state(sample, before) == "legacy"
