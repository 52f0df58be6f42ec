"""What is wanted, as ratios of what was measured in one run."""

from dataclasses import dataclass
from typing import Any

from tests.benchmark.bridge import KINDS
from tests.benchmark.rounds import TENTH


@dataclass(frozen=True)
class Target:
    """A ratio that is wanted: the sum of ``measured`` to ``times`` the sum of ``against``.

    Without ``against`` it is an absolute figure. It is to be at most ``limit``, or at least that.
    """

    what: str
    measured: tuple[str, ...]
    against: tuple[str, ...]
    limit: float
    at_least: bool = False
    times: int = 1
    unit: str = "s"

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that has to be measured for it."""
        return self.measured + self.against


FINGERPRINTS = ("fingerprint before", "fingerprint after")
TARGETS = (
    Target("readers and writers locked out, to B", ("locked out",), ("plain",), 0.4),
    Target("migrate step, to B", ("migrate",), ("plain",), 0.45),
    Target("migrate step, to C", ("migrate",), ("tuned",), 1.15),
    Target("both fingerprints, to B", FINGERPRINTS, ("plain",), 0.2),
    Target("backup and read-back, to pg_dump -Fc", ("backup",), ("pg dump",), 2.5),
    Target("dumpdata to .gz, to the backup", ("dumpdata",), ("backup",), 8, at_least=True),
    Target(
        "loaddata, to the restore (a tenth of the rows)",
        ("loaddata, a tenth",),
        ("restore, a tenth",),
        10,
        at_least=True,
    ),
    Target("peak memory of the command", ("memory",), (), 120, unit="MiB"),
    Target("peak memory at a tenth of the rows", ("memory, a tenth",), (), 120, unit="MiB"),
    Target(
        "the command, time per order, to a tenth of them",
        ("command",),
        ("command, a tenth",),
        1.25,
        times=TENTH,
    ),
    Target(
        "locked out, time per order, to a tenth of them",
        ("locked out",),
        ("locked out, a tenth",),
        1.25,
        times=TENTH,
    ),
    Target("rollback, its backup included, to B", ("rollback",), ("plain",), 0.7),
    Target("restore, to B", ("restore",), ("plain",), 0.9),
    Target("switch: locked out", ("switch locked",), (), 0.25),
    Target("switch: locked out, under load", ("switch locked, under load",), (), 0.25),
    Target("switch: locked out, to the offline run", ("switch locked",), ("locked out",), 0.03),
    Target(
        "switch: locked out, to a thousand round trips",
        ("switch locked",),
        ("thousand round trips",),
        5,
    ),
    Target(
        "switch: locked out, to a tenth of the rows",
        ("switch locked",),
        ("switch locked, a tenth",),
        2.5,
    ),
    Target("prepare, to the migrate step", ("prepare",), ("migrate",), 3),
    Target(
        "writers' p50 during prepare, to without",
        ("writers' p50 during prepare",),
        ("writers' p50",),
        1.3,
        unit="ms",
    ),
    Target("writers' p99 during prepare, more", ("writers' p99 more",), (), 0.005, unit="ms"),
    Target("write with triggers, to without", ("write with triggers",), ("write",), 1.3, unit="ms"),
    Target("orders filled, to before", ("orders filled, MiB",), ("orders, MiB",), 1.2, unit="MiB"),
    *(
        Target(f"bridge: {kind.name}", (f"{kind.name}, bridge",), (f"{kind.name}, tables",), 1.5)
        for kind in KINDS
    ),
    Target("--dry-run, to B", ("dry run",), ("plain",), 0.1),
    Target("--help, to manage.py check", ("help",), ("check",), 1.3),
)


@dataclass(frozen=True)
class Verdict:
    """How a target was met. The figures are None where something was not measured."""

    target: Target
    measured: float | None = None
    against: float | None = None
    ratio: float | None = None

    @property
    def word(self) -> str:
        """``ok``, ``over`` (the wrong side of the limit), or ``not measured``."""
        if self.ratio is None:
            return "not measured"
        met = (
            self.ratio >= self.target.limit
            if self.target.at_least
            else (self.ratio <= self.target.limit)
        )
        return "ok" if met else "over"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values, for JSON."""
        return {
            "what": self.target.what,
            "measured": self.measured,
            "against": self.against,
            "ratio": self.ratio,
            "limit": self.target.limit,
            "at_least": self.target.at_least,
            "verdict": self.word,
        }


def judge(medians: dict[str, float]) -> list[Verdict]:
    """Return the verdict on each target."""
    return [_judge(target, medians) for target in TARGETS]


def _judge(target: Target, medians: dict[str, float]) -> Verdict:
    if not all(name in medians for name in target.names):
        return Verdict(target)
    measured = sum(medians[name] for name in target.measured)
    if not target.against:
        return Verdict(target, measured, None, measured)
    against = target.times * sum(medians[name] for name in target.against)
    return Verdict(target, measured, against, measured / against)
