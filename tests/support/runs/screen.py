"""A command on a terminal of its own, or writing a log: what it says, and when."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.project import PROJECT

ROWS, COLUMNS = 24, 100


@dataclass(frozen=True)
class Gap:
    """A silence: how many seconds long, and the last that was said before it."""

    seconds: float
    after: str


@dataclass(frozen=True)
class Shown:
    """What a command showed: its exit code, all that it wrote, and its longest silence.

    ``start`` is how many seconds Python took to load the program, before which nobody can speak.
    """

    code: int
    text: str
    longest: Gap
    start: float

    @property
    def frames(self) -> list[str]:
        """Each state of each line, those that were drawn over included."""
        return [part.strip() for part in self.text.replace("\r", "\n").split("\n") if part.strip()]


def on_a_terminal(
    environment: Mapping[str, str], *arguments: str, size: tuple[int, int] = (ROWS, COLUMNS)
) -> Shown:
    """Run manage.py on a terminal of ``size``, rows and columns, to its end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    return _heard(ours, theirs, theirs, {"TERM": "xterm", **environment}, arguments)


def into_a_log(environment: Mapping[str, str], *arguments: str) -> Shown:
    """Run manage.py with both streams and the log going to one file, to its end."""
    ours, theirs = os.pipe()
    return _heard(ours, theirs, subprocess.DEVNULL, {"LOG_LEVEL": "INFO", **environment}, arguments)


def _heard(
    ours: int, theirs: int, stdin: int, environment: Mapping[str, str], arguments: tuple[str, ...]
) -> Shown:
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdin=stdin,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said, last, longest, start = b"", begun, Gap(0, ""), 0.0
    try:
        with contextlib.suppress(OSError):  # so the end of a terminal is told
            while chunk := os.read(ours, 65536):
                if said:
                    longest = _longer(longest, last, said)
                last = time.monotonic()
                start = start or last - begun
                said += chunk
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        os.close(ours)
    return Shown(code, said.decode(errors="replace"), _longer(longest, last, said), start)


def _longer(longest: Gap, last: float, said: bytes) -> Gap:
    silence = time.monotonic() - last
    if silence <= longest.seconds:
        return longest
    tail = said[-400:].decode(errors="replace").replace("\r", "\n").strip().split("\n")
    return Gap(silence, tail[-1].strip())
