"""Decides where the embedded server's data lies and which user the server runs as.

PostgreSQL refuses to run as root. Run by root, the server becomes an unprivileged user, who must be
able to reach the data and the programs. Where a folder above them is private, it stays private:
the data goes to SYSTEM_FOLDER, and the programs are copied beside it.

    <root>/           0700, or 0711 where root runs the server as somebody else
        server/       0700, the server's own: data/, the socket, the lock files, the log
        programs/     only where the server's user cannot reach the installed ones
"""

import hashlib
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from jmsk.embedded import binaries

SYSTEM_FOLDER = Path("/var/lib/jmsk-postgres")
USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Location:
    """Where an embedded server lives: its root folder, its programs, its user and group ids.

    moved_from is the place it would have had, if that lies in a private folder.
    """

    root: Path
    installation: Path
    uid: int
    gid: int
    moved_from: Path | None = None

    @property
    def server(self) -> Path:
        """The server's own folder."""
        return self.root / "server"

    @property
    def data(self) -> Path:
        """The folder of the database cluster."""
        return self.server / "data"


def prepare(project: Path, chosen: Path | None, version: str) -> Location:
    """Make the folders of an embedded server, and return where they are.

    Parameters: project, the project's folder, for the default place; chosen, a place asked for, or
    None; version, PostgreSQL's major version.
    Raises ImproperlyConfigured where the place cannot be used, saying why and what to do.
    """
    installation = binaries.installation(version)
    root = chosen if chosen is not None else project / ".postgres"
    if os.geteuid() != 0:
        return _prepare_own(root, installation)
    return _prepare_as_root(root, installation, may_move=chosen is None)


def _prepare_own(root: Path, installation: Path) -> Location:
    """Make the folders for a server that runs as the user who starts it."""
    try:
        for folder in (root, root / "server"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = (root / "server").stat().st_uid
    except OSError as error:
        raise ImproperlyConfigured(
            f"The embedded PostgreSQL cannot use {root}: {error.strerror}. "
            "Set EMBEDDED_POSTGRES_DIR to a folder of your own, or DATABASE_URL to a database."
        ) from error
    if owner != os.geteuid():
        raise ImproperlyConfigured(
            f"The embedded PostgreSQL's folder {root} belongs to another user (id {owner}). "
            "Run as that user, or set EMBEDDED_POSTGRES_DIR to a folder of your own."
        )
    return Location(root, installation, os.geteuid(), os.getegid())


def _prepare_as_root(root: Path, installation: Path, *, may_move: bool) -> Location:
    """Make the folders for a server that root starts and an unprivileged user runs."""
    moved_from = None
    uid, gid = _server_user(root)
    problem = _distrusted(root, uid, gid)
    if not problem and not _reachable(_first_existing(root), uid, gid):
        problem = (
            f"is private, or lies in a private folder: the server's user (id {uid}; it cannot be "
            "root) may not enter. Set EMBEDDED_POSTGRES_DIR to a place that it can reach."
        )
    if problem:
        if not may_move:
            raise ImproperlyConfigured(f"The embedded PostgreSQL's folder {root} {problem}")
        moved_from = root
        name = hashlib.sha256(str(root).encode()).hexdigest()[:12]
        root = SYSTEM_FOLDER / name
        uid, gid = _server_user(root)
    root.mkdir(mode=0o755, parents=True, exist_ok=True)
    if root.stat().st_uid == 0:
        root.chmod(0o711)
    server = root / "server"
    # Another process may be at the same, or have been killed between the two.
    server.mkdir(mode=0o700, exist_ok=True)
    if server.lstat().st_uid == 0:
        os.chown(server, uid, gid, follow_symlinks=False)
    if not _reachable(installation / "bin" / "postgres", uid, gid):
        programs = root / "programs"
        programs.mkdir(mode=0o755, exist_ok=True)
        installation = binaries.copy_for_others(installation, programs)
    return Location(root, installation, uid, gid, moved_from)


def _server_user(root: Path) -> tuple[int, int]:
    """Return the ids the server runs with: the owner of an existing folder, else a known user's."""
    server = root / "server"
    if server.exists() and not server.is_symlink() and server.stat().st_uid != 0:
        return server.stat().st_uid, server.stat().st_gid
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise ImproperlyConfigured(
        "PostgreSQL does not run as root, and this machine has no user "
        f"{' or '.join(USERS)} to run it as. Run as another user, or set DATABASE_URL."
    )


def _distrusted(root: Path, uid: int, gid: int) -> str:
    """Say why root must not make or hand over anything in a folder, '' if nothing speaks against.

    Whoever else may rename what is there could make root hand over another folder. Parameters:
    root; uid and gid, the server's user.
    """
    for place in (root / "server", root / "programs", root):
        if place.is_symlink():
            return f"has a link in the place of {place}. Remove it, or name the real folder."
    for place in (root / "server", root, *root.resolve().parents):
        if not place.exists():
            continue
        status = place.stat()
        writers = 0o002 if status.st_gid in (0, gid) else 0o022
        shared = status.st_mode & writers and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, uid) or shared:
            return (
                f"may be exchanged by others than root and the server's user (id {uid}), through "
                f"{place}. Run as the user who owns it, or set EMBEDDED_POSTGRES_DIR to a folder "
                "of root's."
            )
    return ""


def _first_existing(path: Path) -> Path:
    """Return a path itself, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _reachable(path: Path, uid: int, gid: int) -> bool:
    """Tell whether a user may enter a folder or run a program; the kernel itself is asked."""
    try:
        result = subprocess.run(
            ["/usr/bin/env", "test", "-x", str(path)],
            user=uid,
            group=gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
    except OSError as error:
        raise ImproperlyConfigured(
            f"PostgreSQL does not run as root, and root may not become user {uid} here "
            f"({error.strerror}). Run as another user, or set DATABASE_URL."
        ) from error
    return result.returncode == 0
