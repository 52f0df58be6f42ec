"""The output: one table for people, one JSON document for programs."""

import json
import os
import platform
from typing import Any

from tests.benchmark.place import Place
from tests.benchmark.rounds import Extent, Measurements
from tests.benchmark.targets import Verdict, judge

SETTINGS = (
    "server_version",
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "max_parallel_workers_per_gather",
    "max_parallel_maintenance_workers",
    "wal_level",
    "fsync",
)
MODEL = "/proc/cpuinfo"


def as_values(extent: Extent, place: Place, found: Measurements) -> dict[str, Any]:
    """Return everything as plain values."""
    medians = found.medians()
    return {
        "extent": vars(extent),
        "machine": machine(),
        "server": {name: place.server.maintenance.value(f"SHOW {name}") for name in SETTINGS},
        "measured": {
            name: {"median": medians[name], "all": taken} for name, taken in found.taken.items()
        },
        "targets": [verdict.as_dict() for verdict in judge(medians)],
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on: the processors, their number, the system."""
    return {
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def as_json(values: dict[str, Any]) -> str:
    """Return the values as a JSON document."""
    return json.dumps(values, indent=2) + "\n"


def as_table(values: dict[str, Any], found: Measurements) -> str:
    """Return the table."""
    extent, host, server = values["extent"], values["machine"], values["server"]
    lines = [
        f"{extent['customers']:,} customers, {extent['orders']:,} orders; medians of "
        f"{extent['repeat']}; {host['processors']} processors ({host['architecture']}), "
        f"PostgreSQL {server['server_version']}, shared_buffers {server['shared_buffers']}",
        "",
        f"{'what':<49} {'measured':>10} {'against':>10} {'ratio':>7} {'target':>8}",
    ]
    lines += [_line(verdict) for verdict in judge(found.medians())]
    lines += ["", f"{'measured':<49} {'median':>10} {'least':>10} {'most':>10}"]
    for name, taken in found.taken.items():
        figures = (found.medians()[name], min(taken), max(taken))
        unit = unit_of(name)
        lines.append(f"{name:<49} " + " ".join(_figure(figure, unit) for figure in figures))
    return "\n".join(lines) + "\n"


def _line(verdict: Verdict) -> str:
    target = verdict.target
    absolute = target.unit == "ms" and not target.against
    wanted = 1000 * target.limit if absolute else target.limit
    limit = f"{'≥' if target.at_least else '≤'} {wanted:g}"
    if verdict.measured is None or verdict.ratio is None:
        return f"{target.what:<49} {'':>10} {'':>10} {'':>7} {limit:>8}  {verdict.word}"
    against = _figure(verdict.against, target.unit) if verdict.against is not None else " " * 10
    ratio = f"{verdict.ratio:.2f}" if verdict.against is not None else ""
    measured = _figure(verdict.measured, target.unit)
    return f"{target.what:<49} {measured} {against} {ratio:>7} {limit:>8}  {verdict.word}"


def unit_of(name: str) -> str:
    """Return the unit in which a measurement is told: a request takes milliseconds."""
    if name.startswith("memory") or name.endswith("MiB"):
        return "MiB"
    return "ms" if name.startswith(("write", "longest wait")) else "s"


def _figure(number: float, unit: str) -> str:
    told = {"s": f"{number:.2f}", "ms": f"{1000 * number:.2f}", "MiB": f"{number:.0f}"}[unit]
    return f"{told} {unit}".rjust(10)
