"""The embedded PostgreSQL: started when needed, gone with its last user, however that one ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from jmsk.embedded import binaries, location, supervisor
from jmsk.embedded.server import ensure_running, release

PROJECT = Path(__file__).resolve().parent.parent
# Connects, says so, and stays until its input ends.
USER = """
import os, sys, django
from django.db import connection
django.setup()
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('server_version_num')::int / 10000, current_database()")
    print(*cursor.fetchone(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged user may enter, for a server's files."""
    path = Path(tempfile.mkdtemp(prefix="jmsk-embedded-"))
    path.chmod(0o711)
    yield path
    if (path / "server").exists():
        wait_until(lambda: server_of(path) is None)
    shutil.rmtree(path)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process that uses the embedded server in a folder."""
    kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    ours = {"EMBEDDED_POSTGRES_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "jmsk.settings"}
    return {**kept, **ours, **more}


def start_user(folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start a process that connects and stays."""
    return subprocess.Popen(
        [sys.executable, "-c", USER],
        cwd=PROJECT,
        env=environment(folder, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(user: subprocess.Popen[str]) -> str:
    """Return what a user says once it is connected."""
    assert user.stdout is not None
    return user.stdout.readline().strip()


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def server_of(folder: Path) -> int | None:
    """Return the process id of the server in a folder."""
    return supervisor.server_pid(folder / "server" / "data")


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition, and fail where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("version", ["16", "18"])
def test_it_starts_with_the_first_connection_and_stops_with_the_last_process(
    folder: Path, version: str
) -> None:
    first = start_user(folder, EMBEDDED_POSTGRES_VERSION=version)
    assert answer(first) == f"{version} jmsk"
    pid = server_of(folder)
    assert pid is not None
    second = start_user(folder, EMBEDDED_POSTGRES_VERSION=version)
    assert answer(second) == f"{version} jmsk"
    first.communicate()
    time.sleep(0.3)
    assert server_of(folder) == pid
    second.communicate()
    wait_until(lambda: server_of(folder) is None)


def test_it_stops_when_its_last_process_is_killed(folder: Path) -> None:
    user = start_user(folder)
    answer(user)
    user.kill()
    user.communicate()
    wait_until(lambda: server_of(folder) is None)


def test_processes_that_start_together_share_one_server(folder: Path) -> None:
    users = [start_user(folder) for _ in range(4)]
    assert [answer(user) for user in users] == ["16 jmsk"] * 4
    log = (folder / "server" / "log").read_text()
    assert log.count("starting PostgreSQL") == 1
    for user in users:
        user.communicate()


def test_one_that_comes_while_it_stops_gets_a_new_one(folder: Path) -> None:
    for _ in range(4):
        user = start_user(folder)
        assert answer(user) == "16 jmsk"
        user.communicate()


def test_a_server_whose_supervisor_was_killed_is_adopted_and_stopped(folder: Path) -> None:
    first = start_user(folder)
    answer(first)
    pid = server_of(folder)
    assert pid is not None
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        pytest.skip("finding the supervisor takes /proc")
    os.kill(int(status.read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    second = start_user(folder)
    assert answer(second) == "16 jmsk"
    assert server_of(folder) == pid
    for user in (first, second):
        user.communicate()
    wait_until(lambda: server_of(folder) is None)


def test_it_recovers_when_the_server_was_killed_and_its_pid_file_stayed(folder: Path) -> None:
    user = start_user(folder)
    answer(user)
    pid = server_of(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    user.communicate()
    pid_file = folder / "server" / "data" / "postmaster.pid"
    assert pid_file.exists()
    # The number may belong to another program by now, as after a power loss.
    lines = pid_file.read_text().split("\n", 1)
    pid_file.write_text(f"{os.getpid()}\n{lines[1]}")
    again = start_user(folder)
    assert answer(again) == "16 jmsk"
    again.communicate()


def test_an_interrupted_first_start_is_begun_anew(folder: Path) -> None:
    ready = ensure_running(folder, "16")
    release(ready.location)
    data = ready.location.data
    data.rename(data.with_name("data-unfinished"))
    user = start_user(folder)
    assert answer(user) == "16 jmsk"
    assert not data.with_name("data-unfinished").exists()
    user.communicate()


def test_data_of_another_major_version_is_refused(folder: Path) -> None:
    user = start_user(folder, EMBEDDED_POSTGRES_VERSION="16")
    answer(user)
    user.communicate()
    refused = manage(folder, "migrate", EMBEDDED_POSTGRES_VERSION="18")
    assert refused.returncode == 1
    assert "holds data of version 16, and version 18 was asked for" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_listens_on_a_socket_in_a_private_folder_only(folder: Path) -> None:
    running = ensure_running(folder, "16", options=("max_connections=20",))
    try:
        lines = (running.location.data / "postmaster.pid").read_text().splitlines()
        assert lines[5].strip() == "", "listens on a network address"
        assert running.socket.stat().st_mode & 0o077 == 0
        assert (running.socket / f".s.PGSQL.{supervisor.PORT}").is_socket()
    finally:
        release(running.location)
    assert server_of(folder) is None


def test_a_long_path_puts_the_socket_into_a_short_private_folder(folder: Path) -> None:
    deep = folder / ("x" * 60) / ("y" * 60)
    running = ensure_running(deep, "16")
    try:
        assert running.socket != running.location.server
        assert running.socket.stat().st_mode & 0o077 == 0
        assert running.socket.stat().st_uid == running.location.uid
    finally:
        release(running.location)
        shutil.rmtree(running.socket)


def test_dbshell_and_test_databases_work(folder: Path) -> None:
    shell = manage(folder, "dbshell", "--", "-XAtc", "SELECT current_database()")
    assert shell.stdout == "jmsk\n", shell.stderr
    code = (
        "import django; django.setup(); from django.db import connection\n"
        "connection.creation._create_test_db(verbosity=0, autoclobber=True)\n"
        "connection.creation._destroy_test_db('test_jmsk', verbosity=0)\n"
        "print('made and dropped')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "made and dropped\n", done.stderr


def test_without_the_extra_the_message_names_both_ways_out(folder: Path) -> None:
    # A finder that knows no such package, as on a machine where the extra is not installed.
    blocker = (
        "import importlib.util as u, runpy, sys\n"
        "find = u.find_spec\n"
        f"u.find_spec = lambda name, *a: None if name == {binaries.WHEEL!r} else find(name, *a)\n"
        "sys.argv = ['manage.py', 'migrate']\n"
        "runpy.run_path('manage.py', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", blocker],
        cwd=PROJECT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install -e '.[embedded]'" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_shows_the_servers_log(folder: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="did not start") as failure:
        ensure_running(folder, "16", options=("no_such_setting=1",))
    assert "no_such_setting" in str(failure.value)
    release(location.prepare(PROJECT, folder, "16"))


class TestRunByRoot:
    """Private folders above the data and the programs stay private."""

    @pytest.fixture(autouse=True)
    def _only_as_root(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can start a server as another user")

    @pytest.fixture
    def private(self, folder: Path) -> Path:
        path = folder / "private"
        path.mkdir(mode=0o700)
        return path

    def test_the_default_place_is_given_up_for_the_systems_own(
        self, folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(location, "SYSTEM_FOLDER", folder / "system")
        project = private / "project"
        project.mkdir()
        found = location.prepare(project, None, "16")
        assert found.root.parent == folder / "system"
        assert found.moved_from == project / ".postgres"
        assert found.server.stat().st_uid == found.uid != 0
        assert not (project / ".postgres").exists()
        assert private.stat().st_mode & 0o777 == 0o700

    def test_a_place_that_was_asked_for_is_refused(self, private: Path) -> None:
        with pytest.raises(ImproperlyConfigured, match="EMBEDDED_POSTGRES_DIR"):
            location.prepare(PROJECT, private / "postgres", "16")
        assert list(private.iterdir()) == []
        assert private.stat().st_mode & 0o777 == 0o700

    def test_programs_in_a_private_folder_are_copied_beside_the_data(
        self, folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed = binaries.installation("16")
        hidden = private / installed.parent.name / installed.name
        shutil.copytree(installed, hidden, symlinks=True)
        for libraries in binaries._libraries(installed):
            shutil.copytree(libraries, private / libraries.relative_to(installed.parent.parent))
        monkeypatch.setattr(binaries, "installation", lambda version: hidden)
        running = ensure_running(folder / "postgres", "16")
        try:
            assert running.location.installation.is_relative_to(folder / "postgres" / "programs")
            assert private.stat().st_mode & 0o777 == 0o700
        finally:
            release(running.location)
