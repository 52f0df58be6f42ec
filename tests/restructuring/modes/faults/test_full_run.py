"""Whatever hits a run at whatever moment, the database is exactly legacy or exactly migrated.

The moments are drawn at random (tests/cases/faults.py); --faults N injects any number of them. The
figure at the end of the test run says what they left behind.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.cases.faults import Fault, draw, hit
from tests.support.database.databases import django_uses
from tests.support.runs.aftermath import assert_no_locks_left, half_backups, remember, state
from tests.support.runs.command import Result, run, start
from tests.support.servers.own_servers import OwnServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unblocked")]

DENIALS = re.compile(r"[Nn]othing was changed|rolled (it )?back|the database is as it was")
NOT_BEGUN = (-2, -15, 1, 130)
"""Exit codes of a process that was ended before, or after, the command itself was at work."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Draw the faults."""
    if "fault" in metafunc.fixturenames:
        number, seed = (metafunc.config.getoption(name) for name in ("--faults", "--faults-seed"))
        metafunc.parametrize("fault", [draw(one, seed) for one in range(number)], ids=str)


@pytest.fixture(scope="session")
def usual(
    crash_server: OwnServer,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> float:
    """How many seconds an undisturbed run takes from its first word on."""
    with django_db_blocker.unblock():
        database = crash_server.database("sample")
    folder = tmp_path_factory.mktemp("undisturbed")
    with start(database, "--noinput", "--backup-dir", str(folder)) as begun:
        begun.wait_for("Database: ")
        first = begun.seconds()
        done = begun.end()
    assert done.code == 0, done.output
    return done.seconds - first


def assert_true(fault: Fault, done: Result, left: str, *, at_work: bool) -> None:
    """What the run said in the end is what is there."""
    if fault.kind == "SIGKILL":
        return
    if done.code == 0:
        assert left == "migrated", done.output
    if left == "migrated":
        assert not DENIALS.search(done.err), done.output
    if left == "legacy":
        assert "Migration completed successfully" not in done.output
        assert done.code != 0, done.output
    if not at_work or "Database: " not in done.out:
        assert done.code in (*NOT_BEGUN, 0)
        return
    assert "Traceback" not in done.output, done.output
    if left == "legacy":
        assert done.code == (130 if fault.kind in ("SIGINT", "SIGTERM") else 1), done.output
        assert DENIALS.search(done.err) or "before anything was changed" in done.err


def test_a_fault_leaves_the_database_legacy_or_migrated(
    fault: Fault,
    crash_server: OwnServer,
    usual: float,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    database = crash_server.database("sample")
    before = remember(database)
    folder = ("--noinput", "--backup-dir", str(tmp_path))

    def stop() -> None:
        crash_server.stop_at_once()
        crash_server.start()

    with start(database, *folder) as begun:
        at_work = hit(fault, begun, database, stop, usual)
        done = begun.end()
    left = state(database, before)
    record_property("fault", left)
    record_property("fault_came_late", not at_work)

    assert left in ("legacy", "migrated"), f"{fault}\n{done.output}"
    assert_true(fault, done, left, at_work=at_work)
    assert_no_locks_left(database)
    if fault.kind != "SIGKILL":
        assert half_backups(tmp_path) == []
    assert [name for name in half_backups(tmp_path) if name[0] != "."] == []

    with django_uses(database):
        again = run(*folder)
    assert again.code == 0, again.output
    assert state(database, before) == "migrated"
    crash_server.drop(database)
