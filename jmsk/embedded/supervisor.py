"""Runs one embedded server for as long as anybody uses it. Started by server.py as a script.

Every process that uses the server holds a shared lock on the file `in-use`. The kernel lets go of
it however the process ends, SIGKILL included. The supervisor waits for the exclusive lock: having
it means that nobody is left, and it stops the server while holding it, so that whoever comes next
waits for the end, finds no server, and starts one.

It uses the standard library only, imports everything before it gives up root's rights, and touches
the disk as the server's user.
"""

import contextlib
import fcntl
import json
import locale
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

IN_USE = "in-use"
SUPERVISED = "supervised"
LOG = "log"
PORT = "5432"  # only names the socket; given so that no PGPORT of the environment counts
STOP_SECONDS = 60


def hold(path: Path, operation: int) -> int:
    """Return a file descriptor that holds a lock on a file, waiting for as long as it takes."""
    handle = open_lock_file(path)
    fcntl.flock(handle, operation)
    return handle


def try_to_hold(path: Path, operation: int) -> int | None:
    """Return a file descriptor that holds a lock on a file, or None where it cannot be had now."""
    handle = open_lock_file(path)
    try:
        fcntl.flock(handle, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def open_lock_file(path: Path) -> int:
    """Open a lock file; a new one belongs to its folder's owner, whoever makes it."""
    flags = os.O_RDWR | os.O_NOFOLLOW
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags)
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle


def server_pid(data: Path) -> int | None:
    """Return the process id of the server that runs on a data folder, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except PermissionError:
        return None  # somebody else's process: the file is stale and its number was used again
    except (OSError, ValueError):
        return None
    # After a power loss another program may bear the number; PostgreSQL's own cwd is its data.
    # Where there is no /proc, or no right to read it, the number has to do.
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/cwd").readlink() != data.resolve():
            return None
    return pid


def make_cluster(settings: dict[str, Any], log: int) -> bool:
    """Make the database cluster where there is none yet, all of it or nothing."""
    data = Path(settings["home"], "data")
    if data.exists():
        return True
    unfinished = data.with_name("data-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [f"{settings['installation']}/bin/initdb", "-D", str(unfinished), "-U", "postgres"]
    command += ["-A", "trust", "-E", "UTF8", "--locale=C", f"--lc-ctype={ctype()}", "--no-sync"]
    if subprocess.run(command, stdout=log, stderr=log, cwd="/", check=False).returncode != 0:
        return False
    unfinished.rename(data)
    return True


def ctype() -> str:
    """Return a locale that knows the letters of every language, where the machine has one."""
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    return "C.UTF-8"


def disown_stale_pid_file(data: Path) -> None:
    """Make a pid file that a dead server left behind harmless.

    PostgreSQL refuses to start where the number in it is now another process of the same user, but
    not where it is its own parent's. The file stays, for the shared memory it names: by that
    PostgreSQL sees whether backends of the dead server are still at work.
    """
    path = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError):
        lines = path.read_text().splitlines()
        # The eighth line, "ready", must not be taken for the new server's.
        path.write_text("\n".join([str(os.getpid()), *lines[1:7], ""]))


def start(settings: dict[str, Any], log: int) -> subprocess.Popen[bytes]:
    """Start the server as a child of this process."""
    command = [f"{settings['installation']}/bin/postgres", "-D", f"{settings['home']}/data"]
    command += ["-k", settings["socket"], "-h", "", "-p", PORT, "-c", "timezone=UTC"]
    for option in settings["options"]:
        command += ["-c", option]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")


def stop(pid: int) -> None:
    """Ask a server to stop at once; if it hangs, to stop without tidying up (it recovers later)."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        time.sleep(STOP_SECONDS)
        os.kill(pid, signal.SIGQUIT)


def be_the_only_one(home: Path) -> bool:
    """Take the supervisor's lock; more than one try, as others look at it for a moment."""
    for _ in range(50):
        if try_to_hold(home / SUPERVISED, fcntl.LOCK_EX) is not None:
            return True
        time.sleep(0.01)
    return False


def stop_when_unused(home: Path, pid: int) -> None:
    """Wait until nobody uses the server, then stop it."""
    hold(home / IN_USE, fcntl.LOCK_EX)
    stop(pid)


def supervise(settings: dict[str, Any]) -> int:
    """Start a server, or adopt one whose supervisor was killed, and stay until it has ended."""
    home = Path(settings["home"])
    data = home / "data"
    if not be_the_only_one(home):
        return 0
    adopted = server_pid(data)
    child = None
    if adopted is None:
        log = os.open(home / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        if not make_cluster(settings, log):
            return 1
        disown_stale_pid_file(data)
        child = start(settings, log)
    pid = adopted if child is None else child.pid

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=stop, args=(pid,), daemon=True).start()

    signal.signal(signal.SIGTERM, on_signal)
    threading.Thread(target=stop_when_unused, args=(home, pid), daemon=True).start()
    if child is not None:
        return child.wait()
    while server_pid(data) == pid:
        time.sleep(0.2)
    return 0


def main() -> int:
    """Become the server's user and supervise the server that the first argument describes."""
    settings = json.loads(sys.argv[1])
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(settings["gid"])
        os.setuid(settings["uid"])
    os.umask(0o077)
    return supervise(settings)


if __name__ == "__main__":
    # The threads wait in the kernel; nothing is left to tidy up once the server has ended.
    os._exit(main())
