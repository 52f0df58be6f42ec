"""The embedded PostgreSQL: started when needed, gone with its last user, however that one ends."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from jmsk.embedded import binaries, location, supervisor
from jmsk.embedded.server import ensure_running, release
from tests.support.project import PROJECT
from tests.support.servers.embedded_processes import (
    answer,
    environment,
    manage,
    server_of,
    start_user,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", ["16", "18"])
def test_it_starts_with_the_first_connection_and_stops_with_the_last_process(
    server_folder: Path, version: str
) -> None:
    first = start_user(server_folder, EMBEDDED_POSTGRES_VERSION=version)
    assert answer(first) == f"{version} jmsk"
    pid = server_of(server_folder)
    assert pid is not None
    second = start_user(server_folder, EMBEDDED_POSTGRES_VERSION=version)
    assert answer(second) == f"{version} jmsk"
    first.communicate()
    in_use = server_folder / "server" / supervisor.IN_USE
    assert supervisor.try_to_hold(in_use, fcntl.LOCK_EX) is None, "what stops it could be had"
    assert server_of(server_folder) == pid
    second.communicate()
    wait_until(lambda: server_of(server_folder) is None)


def test_it_stops_when_its_last_process_is_killed(server_folder: Path) -> None:
    user = start_user(server_folder)
    answer(user)
    user.kill()
    user.communicate()
    wait_until(lambda: server_of(server_folder) is None)


def test_processes_that_start_together_share_one_server(server_folder: Path) -> None:
    users = [start_user(server_folder) for _ in range(4)]
    assert [answer(user) for user in users] == ["16 jmsk"] * 4
    log = (server_folder / "server" / "log").read_text()
    assert log.count("starting PostgreSQL") == 1
    for user in users:
        user.communicate()


def test_one_that_comes_while_it_stops_gets_a_new_one(server_folder: Path) -> None:
    for _ in range(4):
        user = start_user(server_folder)
        assert answer(user) == "16 jmsk"
        user.communicate()


def test_a_server_whose_supervisor_was_killed_is_adopted_and_stopped(server_folder: Path) -> None:
    first = start_user(server_folder)
    answer(first)
    pid = server_of(server_folder)
    assert pid is not None
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        pytest.skip("finding the supervisor takes /proc")
    os.kill(int(status.read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    second = start_user(server_folder)
    assert answer(second) == "16 jmsk"
    assert server_of(server_folder) == pid
    for user in (first, second):
        user.communicate()
    wait_until(lambda: server_of(server_folder) is None)


def test_it_recovers_when_the_server_was_killed_and_its_pid_file_stayed(
    server_folder: Path,
) -> None:
    user = start_user(server_folder)
    answer(user)
    pid = server_of(server_folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    user.communicate()
    pid_file = server_folder / "server" / "data" / "postmaster.pid"
    assert pid_file.exists()
    # The number may belong to another program by now, as after a power loss.
    lines = pid_file.read_text().split("\n", 1)
    pid_file.write_text(f"{os.getpid()}\n{lines[1]}")
    again = start_user(server_folder)
    assert answer(again) == "16 jmsk"
    again.communicate()


def test_an_interrupted_first_start_is_begun_anew(server_folder: Path) -> None:
    ready = ensure_running(server_folder, "16")
    release(ready.location)
    data = ready.location.data
    data.rename(data.with_name("data-unfinished"))
    user = start_user(server_folder)
    assert answer(user) == "16 jmsk"
    assert not data.with_name("data-unfinished").exists()
    user.communicate()


def test_data_of_another_major_version_is_refused(server_folder: Path) -> None:
    user = start_user(server_folder, EMBEDDED_POSTGRES_VERSION="16")
    answer(user)
    user.communicate()
    refused = manage(server_folder, "migrate", EMBEDDED_POSTGRES_VERSION="18")
    assert refused.returncode == 1
    assert "holds data of version 16, and version 18 was asked for" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_listens_on_a_socket_in_a_private_folder_only(server_folder: Path) -> None:
    running = ensure_running(server_folder, "16", options=("max_connections=20",))
    try:
        lines = (running.location.data / "postmaster.pid").read_text().splitlines()
        assert lines[5].strip() == "", "listens on a network address"
        assert running.socket.stat().st_mode & 0o077 == 0
        assert (running.socket / f".s.PGSQL.{supervisor.PORT}").is_socket()
    finally:
        release(running.location)
    assert server_of(server_folder) is None


def test_a_long_path_puts_the_socket_into_a_short_private_folder(server_folder: Path) -> None:
    deep = server_folder / ("x" * 60) / ("y" * 60)
    running = ensure_running(deep, "16")
    try:
        assert running.socket != running.location.server
        assert running.socket.stat().st_mode & 0o077 == 0
        assert running.socket.stat().st_uid == running.location.uid
    finally:
        release(running.location)
        shutil.rmtree(running.socket)


def run_python(server_folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a process of its own, with the server in ``server_folder``."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=environment(server_folder),
        capture_output=True,
        text=True,
        check=False,
    )


def test_dbshell_and_test_databases_work(server_folder: Path) -> None:
    shell = manage(server_folder, "dbshell", "--", "-XAtc", "SELECT current_database()")
    assert shell.stdout == "jmsk\n", shell.stderr
    code = (
        "import django; django.setup(); from django.db import connection\n"
        "connection.creation._create_test_db(verbosity=0, autoclobber=True)\n"
        "connection.creation._destroy_test_db('test_jmsk', verbosity=0)\n"
        "print('made and dropped')"
    )
    done = run_python(server_folder, code)
    assert done.stdout == "made and dropped\n", done.stderr


def test_without_the_extra_the_message_names_both_ways_out(server_folder: Path) -> None:
    # A finder that knows no such package, as on a machine where the extra is not installed.
    blocker = (
        "import importlib.util as u, runpy, sys\n"
        "find = u.find_spec\n"
        f"u.find_spec = lambda name, *a: None if name == {binaries.WHEEL!r} else find(name, *a)\n"
        "sys.argv = ['manage.py', 'migrate']\n"
        "runpy.run_path('manage.py', run_name='__main__')\n"
    )
    done = run_python(server_folder, blocker)
    assert done.returncode == 1
    assert "pip install -e '.[embedded]'" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_shows_the_servers_log(server_folder: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="did not start") as failure:
        ensure_running(server_folder, "16", options=("no_such_setting=1",))
    assert "no_such_setting" in str(failure.value)
    release(location.prepare(PROJECT, server_folder, "16"))
