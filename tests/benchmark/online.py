"""The online road: preparing, what that costs the writers, and the switch."""

import time
from pathlib import Path

from tests.benchmark.command import Seconds, call
from tests.benchmark.writers import at_work, round_trips, write_cost
from tests.support.database.databases import Database

PREPARE = ("--prepare", "--place-early")
LONGEST = 10.0
"""Seconds for which writers are watched before a preparation; less where there are few rows."""
HEAP = "SELECT pg_relation_size('orders') / 1024.0 / 1024.0"


def quiet(database: Database, folder: Path) -> Seconds:
    """Prepare and switch with nobody else there; ``orders`` sizes are MiB."""
    before, write = float(database.value(HEAP)), write_cost(database)
    database.execute("VACUUM ANALYZE orders")
    prepared = call(database, folder, *PREPARE, "--pace=fast")[0].seconds
    return {
        "prepare": prepared,
        "orders, MiB": before,
        "orders filled, MiB": float(database.value(HEAP)),
        "write": write,
        "write with triggers": write_cost(database),
        "thousand round trips": round_trips(database),
        "switch locked": switch(database, folder),
    }


def under_load(database: Database, folder: Path, orders: int) -> Seconds:
    """Prepare and switch beside writers, at the usual pace."""
    with at_work(database) as before:
        time.sleep(min(LONGEST, max(1.0, orders / 10_000)))
    with at_work(database) as meanwhile:
        prepared = call(database, folder, *PREPARE)[0].seconds
    with at_work(database) as locked_out:
        locked = switch(database, folder)
    return {
        "prepare, under load": prepared,
        "writers' p50": before.percentile(50),
        "writers' p50 during prepare": meanwhile.percentile(50),
        "writers' p99": before.percentile(99),
        "writers' p99 during prepare": meanwhile.percentile(99),
        "writers' p99 more": max(0.0, meanwhile.percentile(99) - before.percentile(99)),
        "longest wait at the switch": max(locked_out.seconds),
        "switch locked, under load": locked,
    }


def switch(database: Database, folder: Path) -> float:
    """Switch; return for how many seconds readers and writers were locked out."""
    _, report = call(database, folder, "--skip-backup")
    return float(report["locked_seconds"])
