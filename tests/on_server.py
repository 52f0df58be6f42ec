"""Runs the suite on a server of any PostgreSQL whose programs lie in a folder.

    python -m tests.on_server FOLDER [pytest's arguments]

FOLDER holds bin/initdb and bin/postgres, such as /usr/lib/postgresql/15. The server is made for the
run, listens on this machine only, and is gone afterwards. Run by root, it becomes the first of
jmsk.embedded's users, who has to be able to read FOLDER. The exit code is pytest's.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from jmsk.embedded.location import USERS
from jmsk.embedded.supervisor import ctype
from tests.support.servers.server_folders import make_server_folder
from tests.support.waiting import wait_until

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


def main(arguments: list[str]) -> int:
    """Start the server, run pytest on it, and return pytest's exit code."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    programs = Path(arguments[0]) / "bin"
    folder = make_server_folder("jmsk-on-server-")
    try:
        with running(programs, folder) as url:
            command = [sys.executable, "-m", "pytest", *arguments[1:]]
            environment = {**os.environ, "TEST_DATABASE_URL": url}
            return subprocess.run(command, env=environment, check=False).returncode
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(programs: Path, folder: Path) -> Iterator[str]:
    """Give the URL of a new server, its data in ``folder``, while it runs."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    as_user = unprivileged(data)
    options = ["-A", "trust", "-E", "UTF8", "--locale=C", f"--lc-ctype={ctype()}", "--no-sync"]
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", *options]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)
    port = free_port()
    settings = [f"-c{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *settings],
        stdout=log,
        stderr=log,
        cwd=folder,
        **as_user,
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        wait_until(lambda: answers(url) or server.poll() is not None)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        log.close()


def unprivileged(data: Path) -> dict[str, Any]:
    """Return how to start a process as who may run a server; PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in USERS)
    os.chown(data, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether the server takes connections."""
    with contextlib.suppress(psycopg2.OperationalError):
        psycopg2.connect(url).close()
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
