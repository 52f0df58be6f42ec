"""The text report and its runbook: what happened, in which state the database is, what to run."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contacts.restructuring.checks.base import Finding, Result, Status
from contacts.restructuring.console.lines import plain_text
from contacts.restructuring.database.transaction import RecoveryPoint
from contacts.restructuring.journal import Event, Journal
from contacts.restructuring.reports.results import result_lines
from contacts.restructuring.reports.runbook import runbook
from contacts.restructuring.reports.text_format import report_lines
from tests.support.database.databases import Database, find_program
from tests.support.project import PROJECT
from tests.support.runs.command import run_into
from tests.support.runs.reports import PLACE, report

pytestmark = pytest.mark.slow


def test_a_problem_is_told_with_rows_query_and_remedy() -> None:
    finding = Finding(23, tuple(f"Row {n} is odd" for n in range(20)), "SELECT 1", "23 odd rows")
    result = Result("odd", "No odd rows", Status.FAILED, finding, "Make them even.")
    assert plain_text(result_lines([result])).splitlines() == [
        "✗ No odd rows...",
        "  ✗ FAILED: 23 odd rows",
        *(f"    - Row {n} is odd" for n in range(20)),
        "    … and 3 more",
        "    All of them: SELECT 1;",
        "    → Make them even.",
    ]


def test_the_report_holds_every_row_that_the_check_names(sample: Database, tmp_path: Path) -> None:
    run_into(tmp_path, "--rehearse")
    (path,) = tmp_path.glob("*.txt")
    text = path.read_text()
    assert text.count(" has no company: ") == 19
    assert "Recovery point: " in text
    assert "LEFT TO SETTLE" in text
    assert "lock_timeout: 5s" in text


def test_a_name_stays_on_its_line(sample: Database, tmp_path: Path) -> None:
    sample.execute("UPDATE tenants SET name = %s || id", ["Shop\n✗ FAILED: all\x1b[31m\u202e"])
    told = run_into(tmp_path, "--rehearse").out
    (path,) = tmp_path.glob("*.txt")
    for text in (told, path.read_text()):
        assert "Shop\\x0a✗ FAILED: all\\x1b[31m\\x202e1" in text
        assert not [line for line in text.splitlines() if line.startswith("✗ FAILED: all")]


def test_the_runbook_is_filled_in_for_this_database() -> None:
    point = RecoveryPoint("2026-01-23 14:30:25 UTC", "0/1A2B3C", 4711)
    commands = [
        command
        for entry in runbook(
            report(alias="shop", backup_path="/var/my backups/b", recovery_point=point)
        )
        for command in entry.commands
    ]
    mine = "python manage.py migrate_contacts"
    assert f"{mine} --restore '/var/my backups/b' --database shop" in commands
    assert f"{mine} --rollback --database shop" in commands
    assert "recovery_target_lsn = '0/1A2B3C'" in commands
    shell = "python manage.py dbshell --database shop --"
    assert f"{shell} -c \"SELECT pg_xact_status('4711')\"" in commands


def test_the_runbook_asks_how_the_run_ended(sample: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path, "--skip-backup").code == 0
    (path,) = tmp_path.glob("*.txt")
    (command,) = (line for line in path.read_text().splitlines() if "pg_xact_status" in line)
    programs = [str(Path(program).parent) for program in (sys.executable, find_program("psql"))]
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=PROJECT,
        env={
            **os.environ,
            # As the other application spells it, which psql cannot read.
            "DATABASE_URL": sample.url.replace("postgresql:", "postgresql+psycopg2:", 1),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "committed" in done.stdout


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({"failed_step": "checks"}, "a check before the change fails"),
        ({"failed_step": "backup"}, "the backup cannot be written"),
        ({"failed_step": "locks"}, "the tables cannot be locked"),
        ({"failed_step": "verify", "seconds": {"locks": 0.1}}, "a migration step, the proof"),
        ({"failed_step": "verify", "exit_code": 130}, "the process is killed"),
        ({"stage": None}, "the answer to COMMIT is lost"),
    ],
)
def test_the_runbook_points_at_what_happened(fields: dict[str, Any], event: str) -> None:
    failed = report(**{"succeeded": False, "stage": "legacy", "error": "It broke.", **fields})
    (happened,) = (entry for entry in runbook(failed) if entry.happened)
    assert happened.event.startswith(event)
    text = plain_text(report_lines(failed))
    assert f"THIS IS WHAT HAPPENED:\nIf {event}" in text
    assert "It broke." in text


def test_nothing_is_marked_where_nothing_failed() -> None:
    assert not [entry for entry in runbook(report()) if entry.happened]


def test_the_log_has_the_events_as_fields_and_no_rows(
    sample: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "contacts.restructuring")
    emails = [email for (email,) in sample.fetch("SELECT email FROM customers")]
    tenants = [name for (name,) in sample.fetch("SELECT name FROM tenants")]
    run_into(tmp_path)
    records = [record for record in caplog.records if record.name == "contacts.restructuring"]
    first, last = vars(records[0]), vars(records[-1])
    assert (first["kind"], first["mode"]) == ("begin", "migration")
    assert (last["kind"], last["succeeded"], last["stage"]) == ("end", True, "migrated")
    assert last["counts"]["customers"] == 150
    steps = {vars(record).get("step") for record in records}
    assert {"checks", "backup", "locks", "migrate", "verify", "commit"} <= steps
    whole = " ".join(f"{record.getMessage()} {vars(record)}" for record in records)
    assert not [text for text in (*emails, *tenants) if text in whole]


def test_a_session_in_the_way_is_logged_without_its_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "contacts.restructuring")
    heard: list[Event] = []
    told = (
        "try 1 of 12: waiting for pid 17, user app, application web, active, since 2026, query: "
        "UPDATE customers SET email = 'ada@example.com'; pid 18, user app, application web, idle"
    )
    Journal(heard.append).wait(told)
    assert heard[0].text == told
    assert "ada@example.com" not in caplog.text
    assert "waiting for the sessions with pid 17, 18" in caplog.text


def test_nothing_stands_in_it_twice(sample: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path).code == 0
    (path,) = tmp_path.glob("*.txt")
    text = path.read_text().partition("RUNBOOK")[0]

    # A check that runs before and after has its line, and what to do, both times.
    results = ("✓", "⚠", "  ⚠", "    →", "    …")
    told = [line for line in text.splitlines() if line.strip("= ") and not line.startswith(results)]
    assert {line for line in told if told.count(line) > 1} == set()
    for step in ("migrate", "verify"):
        assert text.count(f" {step}: ") == 1
    assert text.count("breaks ck_contacts_phone_format") == 8, "named after, not before as well"
    assert "FINGERPRINTS, EQUAL BEFORE AND AFTER" in text


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("db.example:5433", "db.example:5433"),
        ("/var/run/postgresql:5432", "socket /var/run/postgresql"),
        ("/srv/run:6000", "socket /srv/run with port 6000"),
        ("local socket:5432", "local socket"),
    ],
)
def test_a_folder_does_not_look_like_a_host_with_a_port(host: str, told: str) -> None:
    assert str(replace(PLACE, host=host)) == f"shop on {told}, as owner (PostgreSQL 16.9)"


def test_next_steps_name_the_commands_of_this_run() -> None:
    undone = report(mode="rollback", stage="legacy", backup_path="/b", backup_stage="migrated")
    lines = [line.text.strip() for line in report_lines(undone)]
    begin = lines.index("NEXT STEPS")
    assert lines[begin + 3] == "1. Test the application: the database is legacy now."
    assert "python manage.py migrate_contacts --restore /b" in lines[begin : begin + 8]


def test_a_rehearsal_says_how_long_the_tables_will_be_missed() -> None:
    told = [line.text for line in report_lines(report(mode="rehearsal", locked_seconds=1234.5))]
    assert any("1,234.5 s without these tables" in line for line in told)
