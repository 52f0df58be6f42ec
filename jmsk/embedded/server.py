"""Starts the embedded server, or joins the one that runs, for the life of this process."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from psycopg2 import sql

from jmsk.embedded import supervisor
from jmsk.embedded.location import Location, prepare

STARTING = "starting"
START_SECONDS = 120
PAUSE_SECONDS = 0.02
# A socket's path must fit into 104 bytes (macOS; Linux takes 108), the file's name included.
SOCKET_FOLDER_BYTES = 85
PROJECT = Path(__file__).resolve().parent.parent.parent

_mutex = threading.Lock()
_in_use: dict[Path, int] = {}
_children: dict[Path, subprocess.Popen[bytes]] = {}
_known: dict[tuple[Path | None, str], "Running"] = {}


@dataclass(frozen=True)
class Running:
    """A running server: the folder of its socket, and where its files are."""

    socket: Path
    location: Location


def ensure_running(
    chosen: Path | None = None,
    version: str = "16",
    database: str | None = None,
    options: tuple[str, ...] = (),
) -> Running:
    """Start the embedded server unless it runs, and hold it until this process ends.

    Parameters: chosen, the folder for its files, None for the project's own; version, PostgreSQL's
    major version; database, one to create if it is missing; options,
    settings for the server as "name=value", used where this call is the one that starts it.
    Raises ImproperlyConfigured where it cannot be started, saying why and what to do.
    """
    with _mutex:
        known = _known.get((chosen, version))
        if known is not None and _ready(known.location):
            return known
        location = prepare(PROJECT, chosen.absolute() if chosen is not None else None, version)
        _check_version(location, version)
        if location.server not in _in_use:
            # A server that is stopping holds this lock until it has ended.
            in_use = supervisor.hold(location.server / supervisor.IN_USE, fcntl.LOCK_SH)
            _in_use[location.server] = in_use
        starting = supervisor.hold(location.server / STARTING, fcntl.LOCK_EX)
        try:
            _start(location, options)
            running = Running(_socket_of(location), location)
            if database is not None:
                _create_database(running.socket, database)
        finally:
            os.close(starting)
        _known[chosen, version] = running
    return running


def release(location: Location) -> None:
    """Let go of a server before this process ends, and wait until it has stopped, if it does.

    Parameters: location, of a server that this process has no connection to any more.
    """
    with _mutex:
        handle = _in_use.pop(location.server, None)
        if handle is not None:
            os.close(handle)
        for key in [key for key, known in _known.items() if known.location == location]:
            del _known[key]
        child = _children.pop(location.server, None)
    os.close(supervisor.hold(location.server / supervisor.SUPERVISED, fcntl.LOCK_EX))
    if child is not None:
        child.wait()


def _check_version(location: Location, version: str) -> None:
    """Refuse data that another major version wrote."""
    try:
        found = (location.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return
    if found == version:
        return
    raise ImproperlyConfigured(
        f"The embedded PostgreSQL's folder {location.root} holds data of version {found}, and "
        f"version {version} was asked for. Set EMBEDDED_POSTGRES_VERSION={found}, or "
        "EMBEDDED_POSTGRES_DIR to another folder."
    )


def _start(location: Location, options: tuple[str, ...]) -> None:
    """Start the server and its supervisor where they do not run."""
    deadline = time.monotonic() + START_SECONDS
    child: subprocess.Popen[bytes] | None = None
    while not (_ready(location) and _supervised(location)):
        if child is not None and child.poll() is not None and not _supervised(location):
            raise ImproperlyConfigured(_failure(location, "did not start"))
        if time.monotonic() > deadline:
            raise ImproperlyConfigured(_failure(location, f"was not ready in {START_SECONDS} s"))
        if child is None and not _supervised(location):
            child = _children[location.server] = _spawn(location, options)
        time.sleep(PAUSE_SECONDS)
    if child is not None and location.moved_from is not None:
        sys.stderr.write(
            f"The embedded PostgreSQL keeps its data in {location.root}: "
            f"{location.moved_from.parent} is private, or somebody else's.\n"
        )


def _ready(location: Location) -> bool:
    """Tell whether a server runs and takes connections."""
    if supervisor.server_pid(location.data) is None:
        return False
    try:
        lines = (location.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def _supervised(location: Location) -> bool:
    """Tell whether a supervisor looks after the server."""
    handle = supervisor.try_to_hold(location.server / supervisor.SUPERVISED, fcntl.LOCK_SH)
    if handle is None:
        return True
    os.close(handle)
    return False


def _spawn(location: Location, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start a supervisor, in a session of its own so that Ctrl-C does not reach it."""
    settings = {
        "home": str(location.server),
        "installation": str(location.installation),
        "socket": str(_socket_folder(location)),
        "options": options,
        "uid": location.uid,
        "gid": location.gid,
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _socket_folder(location: Location) -> Path:
    """Return the folder for the socket: the server's own, or a short one where its path is long."""
    if len(os.fsencode(location.server)) <= SOCKET_FOLDER_BYTES:
        return location.server
    name = hashlib.sha256(os.fsencode(location.server)).hexdigest()[:16]
    folder = Path("/tmp") / f"jmsk-postgres-{name}"  # noqa: S108 - owner and mode are checked below
    try:
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, location.uid, location.gid)
    except FileExistsError:
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != location.uid or status.st_mode & 0o077:
            raise ImproperlyConfigured(
                f"{folder}, where the embedded PostgreSQL's socket should go, is not private to "
                f"its user (id {location.uid}). Remove it, or set EMBEDDED_POSTGRES_DIR to a "
                "shorter path."
            ) from None
    return folder


def _socket_of(location: Location) -> Path:
    """Return the folder of the running server's socket, as the server itself notes it."""
    return Path((location.data / "postmaster.pid").read_text().splitlines()[4])


def _create_database(socket: Path, name: str) -> None:
    """Create a database unless it is there."""
    connection = psycopg2.connect(
        host=str(socket), port=supervisor.PORT, user="postgres", dbname="postgres"
    )
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        connection.close()


def _failure(location: Location, what: str) -> str:
    """Return the message for a server that is not there, with the end of its log."""
    path = location.server / supervisor.LOG
    try:
        tail = path.read_text(errors="replace").splitlines()[-15:]
    except FileNotFoundError:
        tail = ["(no log was written)"]
    lines = "\n".join(f"    {line}" for line in tail)
    return (
        f"The embedded PostgreSQL {what}. The end of its log, {path}:\n{lines}\n"
        "Mend what it names, or set DATABASE_URL to a PostgreSQL database."
    )
