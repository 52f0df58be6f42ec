"""What moves on the operator's terminal while a step takes its time.

tqdm draws. A thread of its own keeps the clock running while the server works, and reads over a
second connection how far it is with an index. Only index builds can be watched: of an ALTER TABLE
that rewrites a table, the indexes it makes again included, PostgreSQL reports nothing
(pg_stat_progress_cluster is about CLUSTER and VACUUM FULL), so there only the clock moves.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from tqdm import tqdm

from contacts.restructuring.console.terminal import shows_marks
from contacts.restructuring.journal import Event

logger = logging.getLogger("contacts.restructuring")

TICK = 0.25
TICKS_TO_A_LOOK = 4
"""Every how many ticks of that many seconds the server is asked."""

PARTS = ("Applying ", "Reversing ")
"""How the names of steps begin that are parts of another one."""

INDEX_BUILDS = """
    SELECT coalesce(relid::regclass::text, 'a table'), phase,
           CASE WHEN tuples_total > 0 THEN 100 * tuples_done / tuples_total
                WHEN blocks_total > 0 THEN 100 * blocks_done / blocks_total END
      FROM pg_stat_progress_create_index
     WHERE datname = current_database()
     ORDER BY pid LIMIT 1
"""


def is_part(step: str) -> bool:
    """Whether the step ``step`` is a part of another one, whose time holds its own."""
    return step.startswith(PARTS)


@dataclass
class Progress:
    """Draws the journal's events on ``stream``, a terminal; ``alias`` names the database."""

    stream: Any
    alias: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    bar: Any = None
    counted: str = ""
    watch: "IndexWatch | None" = None
    guard: threading.RLock = field(default_factory=threading.RLock)
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def hear(self, event: Event) -> None:
        """Draw ``event``."""
        with self.guard:
            if event.kind == "begin" and event.step == "commit":
                self._clear()
                self.watch = None
            elif event.kind == "begin":
                self.steps.append((event.step, event.text))
                self._draw_step()
            elif event.kind == "progress":
                self._draw_rows(event)
            elif event.kind == "end":
                self._end(event)

    def _end(self, event: Event) -> None:
        """Steps that failed have no end: what is above the ended one goes with it."""
        names = [name for name, _ in self.steps]
        if event.step in names:
            del self.steps[names.index(event.step) :]
        # Not before: while the run waits for the tables, other snapshots are in its way.
        if event.step == "locks":
            self.watch = IndexWatch(self.alias)
        self._draw_step()

    def _draw_step(self) -> None:
        self._put_away()
        if not self.steps:
            return
        self.bar = self._tqdm(desc=self.steps[-1][1], bar_format="{desc} {elapsed}{postfix}")
        self._start()

    def _draw_rows(self, event: Event) -> None:
        if event.rows >= event.total:  # what follows is not about rows: they are read back
            if self.counted:
                self._draw_step()
            return
        if self.counted != event.text:
            self._put_away()
            self.counted = event.text
            self.bar = self._tqdm(desc=event.text, total=event.total, unit=" rows", unit_scale=True)
        self.bar.update(event.rows - self.bar.n)
        self._start()

    def _tqdm(self, **wanted: Any) -> Any:
        """A bar without tqdm's own watching thread; ours keeps it moving."""
        tqdm.monitor_interval = 0
        marks = not shows_marks(self.stream)
        return tqdm(file=self.stream, leave=False, dynamic_ncols=True, ascii=marks, **wanted)

    def _put_away(self) -> None:
        self.counted = ""
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _clear(self) -> None:
        self._put_away()
        self.steps.clear()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar off the terminal while something is written there."""
        with self.guard:
            if self.bar is not None:
                self.bar.clear()
            yield
            if self.bar is not None:
                self.bar.refresh()

    def _start(self) -> None:
        if self.thread is None:
            self.thread = threading.Thread(target=self._tick, name="progress", daemon=True)
            self.thread.start()

    def _tick(self) -> None:
        """Keep the clock running, and look now and then at what the server builds."""
        ticks, watch = 0, None
        while not self.ended.wait(TICK):
            ticks += 1
            if watch is not None and watch is not self.watch:
                watch.close()
            watch = self.watch
            told = watch.look() if watch and ticks % TICKS_TO_A_LOOK == 0 else None
            with self.guard:
                if self.bar is not None and told is not None and not self.counted:
                    self.bar.set_postfix_str(told, refresh=False)
                if self.bar is not None:
                    self.bar.refresh()
        if watch is not None:
            watch.close()

    def close(self) -> None:
        """Take everything off the terminal and end the thread. Nothing is drawn afterwards."""
        with self.guard:
            self._clear()
            self.watch = None
        self.ended.set()
        if self.thread is not None:
            self.thread.join(timeout=5)


@dataclass
class IndexWatch:
    """Reads over a connection of its own which index is being built, and how far that is.

    Each look is one short query that commits by itself: between two looks nothing is open. What
    goes wrong here is logged and ends the watching; it never touches the run.
    """

    alias: str
    connection: BaseDatabaseWrapper | None = None
    broken: bool = False

    def look(self) -> str | None:
        """Return what is being built, '' for nothing, None if that cannot be told."""
        if self.broken:
            return None
        try:
            if self.connection is None:
                self.connection = connections.create_connection(self.alias)
            with self.connection.cursor() as cursor:
                cursor.execute(INDEX_BUILDS)
                found = cursor.fetchone()
        except Error as error:
            logger.info("The progress of index builds cannot be read: %s", type(error).__name__)
            self.broken = True
            return None
        return _told(*found) if found else ""

    def close(self) -> None:
        """Close the connection."""
        if self.connection is None:
            return
        try:
            self.connection.close()
        except Error as error:
            logger.info("The second connection did not close: %s", type(error).__name__)
        self.connection = None


def _told(table: str, phase: str, percent: int | None) -> str:
    done = f" {percent} %" if percent is not None else ""
    return f"index of {table}, {phase}{done}"
