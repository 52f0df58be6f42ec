"""Processes that use an embedded server, and what there is to see of it from outside."""

import os
import subprocess
import sys
from pathlib import Path

from jmsk.embedded import supervisor
from tests.support.project import PROJECT

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
