"""With --format json, standard output is one document by the schema, whatever happens."""

import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from jsonschema import Draft202012Validator

from contacts.restructuring.reports.json_format import report_schema
from tests.support.database.databases import Database
from tests.support.runs.command import run, run_into, valid

pytestmark = pytest.mark.slow

JSON = ("--format", "json")


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(report_schema())


def test_a_dry_run_tells_its_checks_and_statistics(sample: Database) -> None:
    told = run("--dry-run", *JSON)
    document = told.document
    assert document["mode"] == "dry run"
    assert document["succeeded"]
    assert document["outcome"] == "Dry run: nothing was changed."
    assert document["stage"] == "legacy"
    assert document["database"]["name"] == sample.name
    assert document["statistics"]["rows"]["customers"] == 150
    assert {check["status"] for check in document["checks_before"]} == {"passed", "warning"}
    assert document["reports"] == []
    assert "PRE-MIGRATION VALIDATION CHECKS" in told.err


def test_the_life_of_a_database_in_documents(sample: Database, tmp_path: Path) -> None:
    rehearsal = run_into(tmp_path, "--rehearse", *JSON).document
    assert (rehearsal["mode"], rehearsal["stage"]) == ("rehearsal", "legacy")
    assert rehearsal["space"]["wal"] > 0
    assert rehearsal["backup_path"] is None

    migration = run_into(tmp_path, *JSON).document
    assert (migration["mode"], migration["stage"]) == ("migration", "migrated")
    assert migration["exit_code"] == 0
    assert migration["fingerprints"]["before"] == migration["fingerprints"]["after"]
    assert migration["recovery_point"]["transaction_id"] > 0
    assert Path(migration["backup_path"]).is_dir()
    assert [Path(path).suffix for path in migration["reports"]] == [".txt", ".json", ".html"]
    placed = migration["left_to_settle"]["default_companies"]
    assert sum(company["contacts"] for company in placed) == 19

    again = run_into(tmp_path, *JSON).document
    assert again["succeeded"]
    assert again["outcome"] == "This database is already migrated: nothing to do."

    verification = run_into(tmp_path, "--verify-only", *JSON).document
    assert verification["mode"] == "verification"
    assert verification["counts"]["contacts_placed"] == 19
    told = {item["tenant_id"]: item for item in placed}
    for company in verification["left_to_settle"]["default_companies"]:
        expected = told[company["tenant_id"]]
        assert company["contacts"] == expected["contacts"]
        assert company["orders"] == expected["orders"]

    enforcement = run_into(tmp_path, "--enforce-rules", *JSON).document
    assert enforcement["left_to_settle"]["pending_rules"]["ck_contacts_email_format"] == 6

    rollback = run_into(tmp_path, "--rollback", *JSON).document
    assert (rollback["mode"], rollback["stage"]) == ("rollback", "legacy")

    recovery = run_into(tmp_path, "--recover", *JSON).document
    assert recovery["outcome"] == "The database is legacy: nothing to recover."

    restore = run_into(tmp_path, "--restore", migration["backup_path"], *JSON).document
    assert (restore["mode"], restore["succeeded"]) == ("restore", True)


def test_the_reports_beside_the_backup_keep_to_the_schema_too(
    sample: Database, tmp_path: Path
) -> None:
    document = run_into(tmp_path, *JSON).document
    path = next(Path(path) for path in document["reports"] if path.endswith(".json"))
    written = valid(json.loads(path.read_text()))
    assert written == {**document, "reports": []}


def test_a_refusal_names_the_checks_that_failed(sample: Database, tmp_path: Path) -> None:
    sample.execute("ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_fkey")
    sample.execute("UPDATE customers SET tenant_id = 4711 WHERE id = 8")
    told = run_into(tmp_path, *JSON)
    document = told.document
    assert told.code == document["exit_code"] == 1
    assert not document["succeeded"]
    assert document["error"].startswith("[MC301] Validation failed")
    assert document["error_code"] == "MC301"
    failed = {check["id"]: check for check in document["checks_before"]}["valid_tenants"]
    assert failed["status"] == "failed"
    assert "8" in failed["rows"][0]


@pytest.mark.parametrize("mode", ["", "--dry-run", "--rehearse", "--verify-only", "--rollback"])
def test_an_empty_database_is_told_as_such(empty: Database, mode: str) -> None:
    told = run(*filter(None, [mode]), "--noinput", *JSON)
    assert told.code == 1
    assert told.document["stage"] == "empty"
    assert told.document["error"]


def test_without_a_terminal_nobody_says_yes(sample: Database, tmp_path: Path) -> None:
    told = run("--backup-dir", str(tmp_path), *JSON)
    assert told.code == 1
    assert "no terminal to ask on" in told.document["error"]
    assert told.document["backup_path"] is None
    assert list(tmp_path.iterdir()) == []


def test_checks_that_fail_afterwards_are_in_the_document(sample: Database, tmp_path: Path) -> None:
    run_into(tmp_path)
    sample.execute("DROP TRIGGER trg_sync_default_address ON companies")
    told = run_into(tmp_path, "--verify-only", *JSON)
    assert told.code == 1
    failed = [check["id"] for check in told.document["checks_after"] if check["status"] == "failed"]
    assert failed == ["triggers"]
    assert told.document["failed_step"] == "verify"


def test_a_database_that_may_not_be_migrated(sample: Database, tmp_path: Path) -> None:
    sample.execute("ALTER TABLE customers RENAME COLUMN phone TO telephone")
    told = run_into(tmp_path, *JSON)
    assert told.code == 1
    failed = [
        check["id"] for check in told.document["checks_before"] if check["status"] == "failed"
    ]
    assert "columns" in failed
    assert told.document["failed_step"] == "checks"


def test_a_database_that_cannot_be_reached(sample: Database) -> None:
    default = connections["default"]
    default.close()
    name = default.settings_dict["NAME"]
    default.settings_dict["NAME"] = f"{name}_that_is_not_there"
    try:
        told = run("--dry-run", *JSON)
    finally:
        default.settings_dict["NAME"] = name
    assert told.code == 1
    assert told.document["database"] is None
    assert f"no database named {name}_that_is_not_there" in told.document["error"]
    assert told.document["error_code"] == "MC111"


@contextmanager
def interrupted_at(step: str) -> Iterator[None]:
    """Send SIGINT to this process when the journal's log says that ``step`` begins."""

    class Interrupting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (getattr(record, "kind", ""), getattr(record, "step", "")) == ("begin", step):
                os.kill(os.getpid(), signal.SIGINT)

    logger, handler = logging.getLogger("contacts.restructuring"), Interrupting()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def test_an_interrupted_run_leaves_a_document_and_its_reports(
    sample: Database, tmp_path: Path
) -> None:
    with interrupted_at("verify"):
        told = run_into(tmp_path, *JSON)
    document = told.document
    assert told.code == document["exit_code"] == 130
    assert (document["succeeded"], document["stage"]) == (False, "legacy")
    assert document["failed_step"] == "verify"
    assert len(document["reports"]) == 3
    assert "Interrupted" in Path(document["reports"][0]).read_text()
