"""The longest silence of each mode, on a terminal and in a log.

    python -m tests.benchmark.silence --customers 20000 --orders 100000

makes databases of that size for each of both, runs every mode on them in turn, and prints how long
each took, how long Python took to load it, how long it said nothing at most from then on, and the
last that it had said before. It ends with 1 where somebody waits in the dark: for more than two
seconds on a terminal, for more than thirty in a log.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark.place import Place, place
from tests.support.database.databases import Database
from tests.support.project import environment
from tests.support.runs.screen import Shown, into_a_log, on_a_terminal

NAME = "migrate_contacts"
OFFLINE = (
    "--dry-run",
    "--rehearse",
    "",
    "--verify-only",
    "--enforce-rules",
    "--repair",
    "--bridge",
    "--drop-bridge",
    "--rollback",
    "--restore",
)
"""The modes in an order in which each finds what it needs."""
ONLINE = ("--prepare", "--status", "--rehearse", "")
ABANDONED = ("--prepare", "--abandon")
Show = Callable[..., Shown]
WHERE: Mapping[str, tuple[Show, float]] = {
    "terminal": (on_a_terminal, 2.0),
    "log": (into_a_log, 30.0),
}
"""How a command is run there, and for how many seconds it may say nothing."""


@dataclass(frozen=True)
class Measured:
    """A call that was heard: where, what, how long it took, and its longest silence."""

    where: str
    call: str
    seconds: float
    shown: Shown
    limit: float

    @property
    def fine(self) -> bool:
        """Whether it ended well and was never silent for too long."""
        return self.shown.code == 0 and self.shown.longest.seconds <= self.limit

    def __str__(self) -> str:
        gap, mark = self.shown.longest, "ok" if self.fine else "TOO LONG"
        if self.shown.code:
            mark = f"exit code {self.shown.code}"
        return (
            f"{self.where:<9} {self.call:<32} {self.seconds:7.1f} s, loaded in "
            f"{self.shown.start:4.1f} s, silent {gap.seconds:5.2f} s  {mark:<9} after: "
            f"{gap.after[:60]}"
        )


def measure(ground: Place, where: str, customers: int, orders: int) -> Iterator[Measured]:
    """Yield what was heard of each call on databases of this size."""
    size = (f"--customers={customers}", f"--orders={orders}")
    for modes in (OFFLINE, ONLINE, ABANDONED):
        with ground.empty() as database:
            yield _heard(where, database, "load_legacy_sample", *size)
            for mode in modes:
                yield _heard(where, database, NAME, *_options(ground.folder / where, mode))


def _options(folder: Path, mode: str) -> list[str]:
    asked = [mode] if mode else []
    if mode == "--restore":
        asked.append(str(min(folder.glob("migration_2*[0-9]"))))
    if mode == "--prepare":  # else the many customers without a company would stop the switch
        asked.append("--place-early")
    return [*asked, "--noinput", "--backup-dir", str(folder)]


def _heard(where: str, database: Database, *arguments: str) -> Measured:
    show, limit = WHERE[where]
    begun = time.monotonic()
    shown = show(environment(database.url), *arguments)
    call = " ".join(arguments[:2]).removeprefix(f"{NAME} ").partition(" /")[0]
    if arguments[1] == "--noinput":
        call = "(full run)"
    return Measured(where, call, time.monotonic() - begun, shown, limit)


def main(arguments: list[str]) -> int:
    """Measure, print each line as soon as it is known, and return the exit code."""
    parser = argparse.ArgumentParser(
        "python -m tests.benchmark.silence", description="Measure the longest silence of each mode."
    )
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--where", choices=tuple(WHERE), action="append", help="one of both only")
    parser.add_argument("--database-url", help="a server to use (default: one of this run's own)")
    given = parser.parse_args(arguments)
    found = []
    with place(given.database_url) as ground:
        for where in given.where or WHERE:
            for measured in measure(ground, where, given.customers, given.orders):
                sys.stdout.write(f"{measured}\n")
                sys.stdout.flush()
                found.append(measured)
    return 0 if all(measured.fine for measured in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
