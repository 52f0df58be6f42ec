"""Faults: what hits a run, and when. The same seed draws the same faults.

pytest tests/restructuring/modes/faults/test_full_run.py --faults 200 --faults-seed 7
"""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.database.databases import Database
from tests.support.runs.command import LAST_WORDS, Running

USUAL_NUMBER = 30
"""24 are to hit a run at work. About one in seven comes after its end: machines differ."""
USUAL_SEED = 20

PHASES = (
    "PRE-MIGRATION VALIDATION CHECKS",
    "CREATING DATABASE BACKUP",
    "READY TO MIGRATE",
    "Bringing Django's own tables up to date: ",
    "Locking the tables: ",
    "Taking the fingerprint of every row: ",
    "Applying companies.0002_hierarchy: ",
    "Applying contacts.0003_hierarchy: ",
    "Applying orders.0002_hierarchy: ",
    "Applying orders.0003_triggers: ",
    "Migrating: ",
    "Proving that every row is there: ",
    LAST_WORDS,
    LAST_WORDS,
)
"""What a run says, in order. A fault may wait for one of these words, then for up to LINGER
seconds. The last stands twice, for COMMIT follows it."""
LINGER = 0.06

KINDS = ("SIGKILL", "SIGTERM", "SIGINT", "terminate the session", "stop the server")
OUTCOMES = ("legacy", "migrated")


@dataclass(frozen=True)
class Fault:
    """``kind`` hits after ``words`` were heard (or after the first of all) and ``wait``.

    ``wait`` is in seconds where words are given, else a fraction of an undisturbed run.
    """

    number: int
    kind: str
    words: str
    wait: float

    def __str__(self) -> str:
        when = f"{self.wait * 1000:.0f} ms after {self.words!r}" if self.words else ""
        return f"{self.number}: {self.kind}, {when or f'after {self.wait:.2f} of the run'}"


def draw(number: int, seed: int, words: Sequence[str] = PHASES) -> Fault:
    """Return the fault of a number; half of them come after one of ``words``, if there are any."""
    chance = random.Random(seed * 1_000_003 + number)  # noqa: S311  # no secret
    kind = KINDS[number % len(KINDS)]
    if chance.random() < 0.5 or not words:
        return Fault(number, kind, "", chance.random())
    return Fault(number, kind, chance.choice(words), chance.random() * LINGER)


def hit(
    fault: Fault, running: Running, database: Database, stop: Callable[[], None], usual: float
) -> bool:
    """Wait for the moment, and hit; return whether the run was still at work then.

    ``usual`` is how many seconds an undisturbed run takes from its first word on.
    """
    running.wait_for(fault.words or "Database: ")
    time.sleep(fault.wait if fault.words else fault.wait * usual)
    at_work = running.process.poll() is None
    if fault.kind == "stop the server":
        stop()
    elif fault.kind == "terminate the session":
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    else:
        running.send(signal.Signals[fault.kind])
    return at_work


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the fault injection."""
    group = parser.getgroup("faults", "fault injection (tests/restructuring/modes/faults)")
    group.addoption(
        "--faults",
        type=int,
        default=int(os.environ.get("FAULTS", USUAL_NUMBER)),
        help=f"how many faults to inject (default: {USUAL_NUMBER}, or FAULTS)",
    )
    group.addoption(
        "--faults-seed",
        type=int,
        default=int(os.environ.get("FAULTS_SEED", USUAL_SEED)),
        help=f"any integer; it decides which ones (default: {USUAL_SEED}, or FAULTS_SEED)",
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the injected faults left behind."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
    ]
    found = [dict(report.user_properties) for report in reports]
    left = [properties["fault"] for properties in found if "fault" in properties]
    if not left:
        return
    counted = {outcome: left.count(outcome) for outcome in OUTCOMES}
    between = len(left) - sum(counted.values())
    late = sum(properties.get("fault_came_late", False) for properties in found)
    terminalreporter.section("fault injection")
    terminalreporter.line(
        f"faults: {len(left)} injected, {counted['legacy']} legacy, {counted['migrated']} "
        f"migrated, {between} in between ({late} came after the end of the run; seed "
        f"{terminalreporter.config.getoption('--faults-seed')})"
    )
