"""The bridge comes with the switch: the legacy application works through all of it, unchanged."""

import sys
from pathlib import Path

import pytest
from django.db import OperationalError

from contacts.restructuring.bridge.description import INDEXES
from contacts.restructuring.switching import finish
from tests.support.applications.legacy_application import sees_the_bridge
from tests.support.applications.legacy_load import load
from tests.support.database.databases import Database, django_uses
from tests.support.database.invariants import assert_rules_hold
from tests.support.runs.command import run, run_child, start
from tests.support.runs.preparation import prepare_whole

pytestmark = pytest.mark.slow

PHASES = {
    "install": "Reserving the default companies: ",
    "backfill": "Filling orders.company_id: ",
    "index": "Making the indexes: ",
    "verify": "Verifying every row: ",
}
"""The phases of a preparation, and what it says at the end of each."""
STANDING = (
    "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indisvalid AND c.relname = ANY(%s)"
)
ORDERS = "SELECT count(*) FROM orders WHERE order_number LIKE 'client%%'"


def test_no_request_fails_from_the_first_trigger_to_the_bridge(
    sample: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ("--noinput", "--backup-dir", str(tmp_path))
    with load(sample) as at_work:
        at_work.goes_on()
        with start(sample, "--prepare", *folder) as running:
            for phase, last in PHASES.items():
                at_work.phase = phase
                running.wait_for(last)
            assert running.end().code == 0
        at_work.phase = "prepared"
        at_work.goes_on()
        at_work.phase = "switch"
        done = run_child(sample, "--bridge", *folder)
        assert done.code == 0, done.output
        at_work.phase = "after"
        at_work.goes_on()
        assert all(sees_the_bridge(client) for client in at_work.clients)

    assert at_work.failed == []
    with capsys.disabled():
        sys.stdout.write(f"\n{at_work.told()}\n")
    assert set(at_work.seconds) >= {"before", "prepared", "switch", "after"}
    assert sample.value(ORDERS) > 0
    with django_uses(sample):
        assert_rules_hold(sample)


def test_its_indexes_are_built_when_nobody_is_locked_out_any_more(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_connection(worker: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    folder = ("--noinput", "--backup-dir", str(tmp_path))
    prepare_whole()
    monkeypatch.setattr(finish, "build_beside", lose_connection)
    stopped = run("--bridge", *folder)
    assert "MC912" in stopped.error
    assert "The switch was committed, and stays" in stopped.error
    assert sample.value("SELECT to_regclass('legacy.customers') IS NOT NULL")
    assert sample.value(STANDING, [list(INDEXES.values())]) == 0
    verified = run("--verify-only")
    assert verified.code == 1
    assert "'manage.py migrate_contacts' finishes it" in verified.error

    monkeypatch.undo()
    finished = run(*folder)
    assert (finished.code, finished.error) == (0, ""), finished
    assert sample.value(STANDING, [list(INDEXES.values())]) == len(INDEXES)
    assert run("--verify-only").code == 0
