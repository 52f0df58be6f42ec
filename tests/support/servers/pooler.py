"""A transaction pooler in front of a test database: pgbouncer, where it is installed."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.database.databases import Database
from tests.support.waiting import wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
ignore_startup_parameters = extra_float_digits,options
logfile = {log}
"""


@contextlib.contextmanager
def pooled(database: Database, folder: Path, size: int) -> Iterator[Database]:
    """Give ``database`` through a pooler that has ``size`` sessions for all its clients.

    ``folder`` is for the pooler's own files; every one of its parents may be entered by others.
    """
    assert PROGRAM is not None
    given = database.settings
    settings = {**given, "HOST": "127.0.0.1", "PORT": str(_free_port())}
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=given["HOST"],
            port=given["PORT"] or 5432,
            user=given["USER"] or "postgres",
            listen=settings["PORT"],
            size=size,
            log=folder / "pgbouncer.log",
        )
    )
    user = _user(given) if os.geteuid() == 0 else None  # it refuses to be root
    folder.chmod(0o777)
    process = subprocess.Popen([PROGRAM, "-q", file], user=user, group=user)
    try:
        wait_until(lambda: _answers(int(settings["PORT"])))
        yield Database(database.name, settings)
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _user(server: Mapping[str, Any]) -> int:
    """Return who may use the server's socket: its owner; or nobody, where it is reached by TCP."""
    socket_file = Path(server["HOST"], f".s.PGSQL.{server['PORT'] or 5432}")
    return socket_file.stat().st_uid if socket_file.exists() else pwd.getpwnam("nobody").pw_uid
