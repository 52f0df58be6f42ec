"""Fixtures: a fresh database for each test, on the one server of the test run.

`empty`, `legacy`, `sample` and `migrated` each give a Database of tests.support; Django's default
connection points at it during the test, with real transactions. A test needs one of them, or
pytest-django's own mark `django_db`, whose test database lies on the same server.

TEST_DATABASE_URL names another server to use (a role that may create databases).
TEST_POSTGRES_VERSION chooses the embedded one's version, 16 or 18.
"""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from jmsk.embedded.server import Running, ensure_running, release
from jmsk.embedded.supervisor import PORT
from tests.cases.faults import pytest_addoption, pytest_terminal_summary
from tests.support.database.databases import Database, Server, django_uses, server_settings
from tests.support.servers.embedded_processes import server_of
from tests.support.servers.own_servers import OwnServer, own_server
from tests.support.servers.server_folders import make_server_folder
from tests.support.waiting import wait_until

__all__ = ["pytest_addoption", "pytest_terminal_summary"]

OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=200",
    "max_wal_size=256MB",
)

# A database is asked in each example, and how long that takes says nothing.
hypothesis_settings.register_profile("ordinary", deadline=None, derandomize=True)
hypothesis_settings.register_profile(
    "campaign", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "1000"))
)
hypothesis_settings.load_profile("ordinary")

# Set by the first process of a run, inherited by the workers that it starts.
RUN = "JMSK_TEST_RUN"
FOLDER = "JMSK_TEST_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Name this run, and make the folder of its server."""
    if _is_worker(config):
        return
    # As at Ctrl-C: what was started is ended, and the folder, which may lie in memory, goes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ[RUN] = f"jmsk_test_{secrets.token_hex(4)}"
    os.environ[FOLDER] = str(make_server_folder("jmsk-test-"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind: no database, no server, no folder."""
    if _is_worker(config) or FOLDER not in os.environ:
        return
    connections.close_all()
    folder = Path(os.environ.pop(FOLDER))
    try:
        if "TEST_DATABASE_URL" in os.environ:
            Server(_settings(), os.environ[RUN]).drop_all()
        elif (folder / "server").exists():
            # Joining it first is how one waits for its end.
            release(_embedded(folder).location)
    finally:
        shutil.rmtree(folder)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _embedded(folder: Path) -> Running:
    version = os.environ.get("TEST_POSTGRES_VERSION", "16")
    return ensure_running(folder, version, "jmsk", OPTIONS)


def _settings() -> dict[str, Any]:
    """Return Django's settings for the test server, started where it is the embedded one."""
    if "TEST_DATABASE_URL" in os.environ:
        return server_settings(os.environ["TEST_DATABASE_URL"])
    running = _embedded(Path(os.environ[FOLDER]))
    return server_settings(f"postgresql://postgres@/jmsk?host={running.socket}&port={PORT}")


@pytest.fixture(scope="session")
def server() -> Server:
    """The test server; from here on Django knows no other."""
    settings = _settings()
    connections.settings["default"].update(settings)
    if hasattr(connections._connections, "default"):  # type: ignore[attr-defined]
        del connections["default"]
    return Server(settings, os.environ[RUN])


@pytest.fixture(scope="session")
def crash_server(server: Server) -> Iterator[OwnServer]:
    """A server that may be stopped: one for each process of the test run."""
    with own_server() as own:
        yield own


@pytest.fixture
def unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test that makes its own databases use them."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    server: Server, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Put pytest-django's own test database on the test server, under this run's name."""
    test = connections["default"].settings_dict["TEST"]
    test["NAME"] = f"{server.run}_django_{os.getpid()}"


def _fresh(server: Server, blocker: DjangoDbBlocker, kind: str) -> Iterator[Database]:
    with blocker.unblock():
        database = server.database(kind)
        try:
            with django_uses(database):
                yield database
        finally:
            server.drop(database.name)


@pytest.fixture
def empty(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """A database with nothing in it."""
    yield from _fresh(server, django_db_blocker, "empty")


@pytest.fixture
def legacy(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """The legacy application's schema, without rows."""
    yield from _fresh(server, django_db_blocker, "legacy")


@pytest.fixture
def sample(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """The legacy schema with the rows of load_legacy_sample."""
    yield from _fresh(server, django_db_blocker, "sample")


@pytest.fixture
def migrated(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """The target schema, made from nothing by migrate, without rows."""
    yield from _fresh(server, django_db_blocker, "migrated")


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for an embedded server of the test's own, which has to be gone afterwards."""
    path = make_server_folder("jmsk-embedded-")
    yield path
    wait_until(lambda: server_of(path) is None)
    shutil.rmtree(path)
