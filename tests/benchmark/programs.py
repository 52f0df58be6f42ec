"""Running a program: how long it took, how much memory it had, what it printed."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import PROJECT, environment

KIBIBYTES = 1024 if sys.platform != "darwin" else 1
"""In what getrusage counts memory, in bytes."""


class ProgramFailedError(RuntimeError):
    """A program that is measured did not end well."""


@dataclass(frozen=True)
class Ran:
    """A program that has ended well: wall-clock ``seconds``, peak ``memory`` in MiB, its output."""

    seconds: float
    memory: float
    output: str


def run(arguments: list[str], environment: dict[str, str], folder: Path) -> Ran:
    """Run a program and measure it.

    The memory is an upper bound: before it becomes the program, a new process has this one's.
    Parameters: folder, for the output while it runs. Raises ProgramFailedError with what it said.
    """
    with (
        tempfile.TemporaryFile(dir=folder) as output,
        tempfile.TemporaryFile(dir=folder) as errors,
    ):
        started = time.monotonic()
        process = subprocess.Popen(
            arguments,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            told = errors.read().decode(errors="replace")[-2000:]
            raise ProgramFailedError(
                f"'{' '.join(arguments[1:4])}' ended with code {process.returncode}, so nothing "
                f"can be measured. It said:\n{told}"
            )
        output.seek(0)
        memory = usage.ru_maxrss * KIBIBYTES / 2**20
        return Ran(seconds, memory, output.read().decode())


def manage(database_url: str, *arguments: str, folder: Path) -> Ran:
    """Run ``manage.py`` with ``arguments`` on a database, as :func:`run` does."""
    return run([sys.executable, "manage.py", *arguments], environment(database_url), folder)
