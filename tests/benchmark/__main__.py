"""``python -m tests.benchmark``: the options, and where the output goes."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.benchmark.place import place
from tests.benchmark.programs import ProgramFailedError
from tests.benchmark.rounds import TENTH, Extent, Say, measure
from tests.benchmark.table import as_json, as_table, as_values

MOST_ROUNDS = 99
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns the exit code: 0, 1 where something failed, 130 interrupted."""
    options = _parser().parse_args(arguments)
    extent = _extent(options)
    signal.signal(signal.SIGTERM, _stop)
    try:
        with place(os.environ.get("DATABASE_URL")) as here:
            found = measure(here, extent, _teller(time.monotonic()))
            values = as_values(extent, here, found)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; nothing is left of it.\n")
        return INTERRUPTED
    except ProgramFailedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.json is not None and options.json != "-":
        Path(options.json).write_text(as_json(values), encoding="utf-8")
    sys.stdout.write(as_json(values) if options.json == "-" else as_table(values, found))
    return 0


def _parser() -> argparse.ArgumentParser:
    usual = Extent()
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmark",
        description="Measure the restructuring against plain SQL, tuned SQL, pg_dump and Django. "
        "DATABASE_URL names a server to use instead of the embedded one: its role must be allowed "
        "to create databases, and all that are made are dropped again.",
    )
    for name, text in (
        ("customers", "customers of the legacy database"),
        ("orders", "its orders"),
        ("repeat", "rounds, of which the medians count"),
        ("starts", "times that a program is started to measure its start-up"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=getattr(usual, name),
            help=f"{text} (default: %(default)s)",
        )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the rows, one round, without dumpdata and loaddata",
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write JSON to FILE, or print it instead of the table",
    )
    return parser


def _extent(options: argparse.Namespace) -> Extent:
    """Return what was asked for. Ends the program with code 2 where that makes no sense."""
    least = {"customers": TENTH, "orders": TENTH, "repeat": 1, "starts": 1}
    most = {"repeat": MOST_ROUNDS, "starts": MOST_ROUNDS}
    asked = {name: getattr(options, name) for name in least}
    for name, value in asked.items():
        if not least[name] <= value <= most.get(name, value):
            upper = f" to {most[name]}" if name in most else ""
            _parser().error(f"--{name} must be {least[name]}{upper or ' or more'}, not {value}")
    if not options.quick:
        return Extent(**asked)
    return Extent(asked["customers"] // TENTH, asked["orders"] // TENTH, repeat=1, slow=False)


def _teller(start: float) -> Say:
    def say(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - start:7.1f} s  {what}\n")
        sys.stderr.flush()

    return say


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
