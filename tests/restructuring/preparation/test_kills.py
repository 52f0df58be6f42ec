"""Whatever hits a preparation, a switch or an abandonment, it goes on, and nothing is lost.

--faults N injects any number of them; the same seed draws the same.
"""

import contextlib
import random
import signal
import subprocess
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.cases.faults import KINDS
from tests.support.applications.legacy_writers import Application, at_work
from tests.support.database.databases import Database, django_uses
from tests.support.runs.command import Running, assert_migrates, run, run_child, start
from tests.support.servers.own_servers import OwnServer

pytestmark = pytest.mark.slow

USUAL_SECONDS = {"--prepare": 0.8, "switch": 1.2, "--abandon": 0.4}
"""About how long an undisturbed run takes after its first word; a fault comes within."""
WAYS = (("--pace", "normal"), ("--pace", "fast"), ("--pace", "fast", "--place-early"))
"""How a preparation goes about it: in one session, in several, and placing customers, too."""
LOST = """
    SELECT number FROM unnest(%s::text[]) AS number
     WHERE NOT EXISTS (SELECT 1 FROM orders WHERE order_number = number)
"""
ASTRAY = """
    SELECT o.id FROM orders o LEFT JOIN contacts c ON c.id = o.contact_id
     WHERE o.company_id IS DISTINCT FROM coalesce(c.company_id, (
           SELECT d.id FROM companies d WHERE d.tenant_id = o.tenant_id AND d.is_default))
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Draw the faults."""
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(metafunc.config.getoption("--faults")))


@pytest.fixture(scope="module")
def target(crash_server: OwnServer, django_db_blocker: DjangoDbBlocker) -> str:
    """The schema to which the offline run leads."""
    with django_db_blocker.unblock():
        database = crash_server.database("sample")
        done = run_child(database, "--noinput", "--skip-backup", "--backup-dir", "/nonexistent")
        assert done.code == 0, done.output
        return database.dump("--schema-only")


def hit(kind: str, running: Running, database: Database, server: OwnServer) -> None:
    """Do to a run, or to the server below it, what ``kind`` says."""
    if kind == "stop the server":
        server.stop_at_once()
        server.start()
    elif kind == "terminate the session":
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND application_name = 'jmsk'"
        )
    else:
        running.send(signal.Signals[kind])


def disturbed(
    database: Database, server: OwnServer, chance: random.Random, kind: str, *arguments: str
) -> None:
    """Run the command and hit it at some moment."""
    usual = USUAL_SECONDS.get(arguments[0], USUAL_SECONDS["switch"])
    with start(database, *arguments) as running:
        with contextlib.suppress(AssertionError):  # it may have had nothing to do
            running.wait_for("Database: ")
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(chance.random() * usual)
        if running.process.poll() is None:
            hit(kind, running, database, server)
        done = running.end()
    assert "Traceback" not in done.output, done.output


def settled(database: Database, *arguments: str) -> None:
    """Run the command until it comes to its end; a killed run's sessions may live on a little."""
    for _ in range(10):
        with django_uses(database):
            done = run(*arguments)
        if done.code == 0:
            return
        assert "Traceback" not in done.output, done.output
    raise AssertionError(f"never came to an end: {done.output}")


@pytest.mark.usefixtures("unblocked")
def test_a_fault_costs_nothing_but_running_the_command_again(
    number: int,
    crash_server: OwnServer,
    target: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    seed = pytestconfig.getoption("--faults-seed") * 1_000_003 + number
    chance = random.Random(seed)  # noqa: S311  # no secret
    kind, busy, abandoned = KINDS[number % len(KINDS)], number % 2 == 0, number % 3 == 0
    prepare = ("--prepare", *chance.choice(WAYS))
    database = crash_server.database("sample")
    schema, whole = database.dump("--schema-only"), sorted(database.dump().splitlines())
    folder = ("--noinput", "--backup-dir", str(tmp_path))
    application = Application(database)
    with at_work(database, number) if busy else contextlib.nullcontext(application) as application:
        disturbed(database, crash_server, chance, kind, *prepare, *folder)
        if abandoned:
            disturbed(database, crash_server, chance, kind, "--abandon", *folder)
            settled(database, "--abandon", *folder)
        else:
            settled(database, *prepare, *folder)
            disturbed(database, crash_server, chance, kind, *folder)
            settled(database, *folder)

    assert application.refused == []
    assert database.fetch(LOST, [sorted(application.orders)]) == []
    if abandoned:
        assert database.dump("--schema-only") == schema
        assert busy or sorted(database.dump().splitlines()) == whole
    else:
        assert database.dump("--schema-only") == target
        assert database.fetch(ASTRAY) == []
    crash_server.drop(database)


def test_the_application_at_work_through_the_whole_is_never_refused(
    sample: Database, tmp_path: Path
) -> None:
    with at_work(sample, 1, threads=3) as application:
        assert run_child(sample, "--prepare", "--noinput").code == 0
        with django_uses(sample):
            assert_migrates(tmp_path)

    assert application.refused == []
    assert len(application.orders) > 10
    assert sample.fetch(LOST, [sorted(application.orders)]) == []
    assert sample.fetch(ASTRAY) == []
