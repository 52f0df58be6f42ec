"""What is measured, and in which turns."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmark import bridge, command, copying, online, scripts
from tests.benchmark.place import Place
from tests.benchmark.programs import manage
from tests.support.database.databases import Database

TENTH = 10


@dataclass(frozen=True)
class Extent:
    """How much to measure: rows, how many rounds, how many starts of a program.

    ``slow`` is whether dumpdata and loaddata, which take minutes, are measured too.
    """

    customers: int = 200_000
    orders: int = 1_000_000
    repeat: int = 3
    starts: int = 5
    slow: bool = True


@dataclass
class Measurements:
    """Seconds (``memory``: MiB) by what was measured, one for each time."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, **seconds: float) -> None:
        """Take one measurement of each name; ``_`` stands for a space."""
        self.merge({name.replace("_", " "): took for name, took in seconds.items()})

    def merge(self, seconds: dict[str, float]) -> None:
        """Take one measurement of each name."""
        for name, took in seconds.items():
            self.taken[name].append(took)

    def medians(self) -> dict[str, float]:
        """Return the median of each."""
        return {name: median(all_of_it) for name, all_of_it in self.taken.items()}


Say = Callable[[str], None]


def measure(place: Place, extent: Extent, say: Say) -> Measurements:
    """Measure everything, in turns, ``extent.repeat`` times; ``say`` is told what is going on."""
    found = Measurements()
    few = Extent(extent.customers // TENTH, extent.orders // TENTH)
    say(f"loading {extent.customers:,} customers and {extent.orders:,} orders")
    legacy = place.legacy(extent.customers, extent.orders)
    say("loading a tenth of that")
    tenth = place.legacy(few.customers, few.orders)
    for number in range(1, extent.repeat + 1):
        told = _prefixed(say, f"round {number} of {extent.repeat}: ")
        slow = extent.slow and number == 1
        _command(place, legacy, found, told, slow=slow)
        _script(place, legacy, found, told, "plain")
        _script(place, legacy, found, told, "tuned")
        _rehearsal(place, legacy, found, told)
        _bridge(place, legacy, found, told)
        _online(place, legacy, found, told, extent.orders)
        _tenth(place, tenth, found, told, slow=slow)
    say("start-up")
    _starts(place, legacy, found, extent.starts)
    return found


@contextmanager
def _scratch(place: Place) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=place.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _prefixed(say: Say, prefix: str) -> Say:
    return lambda what: say(prefix + what)


def _command(place: Place, legacy: Database, found: Measurements, say: Say, *, slow: bool) -> None:
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("--dry-run")
        found.add(dry_run=command.timed(database, folder, "--dry-run"))
        say("pg_dump")
        found.add(pg_dump=copying.pg_dump(database, folder))
        say("A, the command")
        seconds, backup = command.full_run(database, folder)
        found.merge(seconds)
        say("--restore")
        with place.empty() as other:
            found.add(restore=command.timed(other, folder, "--restore", str(backup)))
        if slow:
            say("dumpdata, which takes minutes")
            found.add(dumpdata=copying.dumpdata(database, folder / "dumpdata.jsonl.gz"))
        say("--rollback")
        found.add(rollback=command.timed(database, folder, "--rollback"))


def _script(place: Place, legacy: Database, found: Measurements, say: Say, name: str) -> None:
    with place.copy(legacy) as database:
        say(f"{name}.sql")
        found.merge({name: scripts.restructure(database, name)})


def _rehearsal(place: Place, legacy: Database, found: Measurements, say: Say) -> None:
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("--rehearse")
        found.add(rehearsal=command.timed(database, folder, "--rehearse"))


def _bridge(place: Place, legacy: Database, found: Measurements, say: Say) -> None:
    with _scratch(place) as folder, place.copy(legacy) as tables:
        say("migrating for the bridge")
        command.call(tables, folder, "--skip-backup")
        tables.execute("VACUUM ANALYZE")
        with place.copy(tables) as bridged:
            say("--bridge")
            found.add(making_the_bridge=command.timed(bridged, folder, "--bridge"))
            say("statements through the bridge and on the tables")
            found.merge(bridge.measure({"tables": tables, "bridge": bridged}))


def _online(place: Place, legacy: Database, found: Measurements, say: Say, orders: int) -> None:
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("--prepare and the switch")
        found.merge(online.quiet(database, folder))
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("--prepare and the switch, beside writers")
        found.merge(online.under_load(database, folder, orders))


def _tenth(place: Place, legacy: Database, found: Measurements, say: Say, *, slow: bool) -> None:
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("--prepare and the switch, a tenth of the rows")
        command.call(database, folder, *online.PREPARE, "--pace=fast")
        found.merge({"switch locked, a tenth": online.switch(database, folder)})
    with _scratch(place) as folder, place.copy(legacy) as database:
        say("the command, a tenth of the rows")
        seconds, backup = command.full_run(database, folder)
        names = ("command", "locked out", "memory")
        found.merge({f"{name}, a tenth": seconds[name] for name in names})
        if not slow:
            return
        say("dumpdata, --restore and loaddata, a tenth of the rows, which takes minutes")
        file = folder / "dumpdata.jsonl.gz"
        copying.dumpdata(database, file)
        with place.empty() as other:
            restored = command.timed(other, folder, "--restore", str(backup))
        with place.empty(database.name) as other:
            loaded = copying.loaddata(other, file)
        found.merge({"restore, a tenth": restored, "loaddata, a tenth": loaded})


def _starts(place: Place, legacy: Database, found: Measurements, times: int) -> None:
    with _scratch(place) as folder:
        for _ in range(times):
            helped = manage(legacy.url, "migrate_contacts", "--help", folder=folder)
            checked = manage(legacy.url, "check", folder=folder)
            found.add(help=helped.seconds, check=checked.seconds)
