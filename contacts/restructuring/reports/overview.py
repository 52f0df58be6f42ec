"""What ``--status`` knows of a database, as values and as lines."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contacts.restructuring.backup.shelf import Kept
from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.identity import Database
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.preparation.status import Status
from contacts.restructuring.state.history import Run
from contacts.restructuring.state.unsettled import Left
from contacts.runs import BESIDE
from jmsk.wording import counted, mebibytes, moment

FIRST = 10
"""How many of a kind are listed; the rest is counted."""


@dataclass(frozen=True)
class WayBack:
    """A way back: the ``command`` that takes it, whether it is ``open``, what it would need."""

    command: str
    open: bool
    needs: str


@dataclass(frozen=True)
class StandingBridge:
    """A bridge, who was led to it, and how many calls went through each of its views.

    ``told`` says in words where it stands, since when, and how much it is used.
    """

    schema: str
    since: datetime | None
    roles: tuple[str, ...]
    calls: dict[str, int]
    told: str


@dataclass(frozen=True)
class Overview:
    """The database as it stands. ``rules`` maps each pending rule to the rows that break it.

    ``folder`` is where ``backups`` were looked for. ``next`` are the commands to go on with, and
    why.
    """

    database: Database | None
    schema: str
    oddities: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    left: tuple[Left, ...] = ()
    rules: dict[str, int] = field(default_factory=dict)
    bridge: StandingBridge | None = None
    preparation: Status | None = None
    folder: Path = Path()
    backups: tuple[Kept, ...] = ()
    ways_back: tuple[WayBack, ...] = ()
    next: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, for JSON."""
        return {
            "schema": self.schema,
            "oddities": list(self.oddities),
            "runs": [
                {**asdict(run), "started": _iso(run.started), "finished": _iso(run.finished)}
                for run in self.runs
            ],
            "left": [asdict(item) for item in self.left],
            "pending_rules": self.rules,
            "bridge": _bridge(self.bridge) if self.bridge else None,
            "preparation": _preparation(self.preparation) if self.preparation else None,
            "folder": str(self.folder),
            "backups": [_backup(kept, self.database) for kept in self.backups],
            "ways_back": [asdict(way) for way in self.ways_back],
            "next": [{"command": command, "why": why} for command, why in self.next],
        }


def overview_lines(overview: Overview, stage: Stage) -> Iterator[Line]:
    """Yield all of it for people, on one screen."""
    yield Line(f"Stage: {stage}, in schema {overview.schema}")
    yield from (Line(f"  - {odd}", "WARNING") for odd in overview.oddities)
    yield from _listed("Done here by this tool", [_run(run) for run in overview.runs])
    if stage == Stage.MIGRATED:
        yield from _left(overview)
    yield Line(f"Bridge: {overview.bridge.told if overview.bridge else 'none'}")
    if overview.bridge and overview.bridge.roles:
        yield Line(f"  led to it: {', '.join(overview.bridge.roles)}")
    if overview.preparation:
        yield from preparation_lines(overview.preparation)
    else:
        yield Line("Preparation: none")
    told = [_kept(kept, overview.database) for kept in overview.backups]
    yield from _listed(f"Backups in {overview.folder}", told)
    yield from _listed("Ways back", [f"{way.command}: {way.needs}" for way in overview.ways_back])
    yield from _listed("Next", [f"{command}: {why}" for command, why in overview.next])


def _left(overview: Overview) -> Iterator[Line]:
    yield from _listed("Left to settle", [left_told(item) for item in overview.left])
    if len(overview.left) > FIRST:
        yield Line(f"  together: {_sum(overview.left)}")
    rules = [f"{rule}: {_broken(rows)}" for rule, rows in overview.rules.items()]
    yield from _listed("Pending check rules", rules)


def preparation_lines(found: Status) -> Iterator[Line]:
    """Yield how far a preparation is, with what should be done about it."""
    yield Line(f"Preparation since: {moment(found.state.started)}")
    yield Line(f"Next step: {'switch' if found.ready else found.state.phase}")
    yield Line(f"Orders filled: {found.filled:.0%}")
    verified = moment(found.verified) if found.verified else "not yet"
    yield Line(f"Every row verified: {verified}")
    yield Line(f"Journal: {counted(found.changes, 'change')}, {mebibytes(found.journal_bytes)}")
    yield from (Line(f"⚠ {warning}", "WARNING") for warning in found.warnings())


def _listed(title: str, told: Sequence[str]) -> Iterator[Line]:
    if not told:
        yield Line(f"{title}: none")
        return
    yield Line(f"{title}:")
    yield from (Line(f"  {one}", verbatim=True) for one in told[:FIRST])
    if len(told) > FIRST:
        yield Line(f"  … and {len(told) - FIRST:,} more")


def _run(run: Run) -> str:
    seconds = (run.finished - run.started).total_seconds() if run.finished else None
    took = ", not finished" if seconds is None else f", {seconds:,.1f} s"
    user = run.operating_system_user
    who = f", by {user} as {run.database_user}" if user else ""
    return f"{moment(run.started)} {run.kind}{took}{who}{_of_backup(run)}"


def _of_backup(run: Run) -> str:
    """Name the run's backup. What only stands beside the tables, or in them, needs none."""
    if run.backup_path:
        return f"; backup {Path(run.backup_path).name}"
    return "" if run.kind in BESIDE else "; no backup"


def left_told(left: Left) -> str:
    """Say what is left to settle at a tenant."""
    parts = [
        counted(left.contacts, "contact") + " in the default company" if left.contacts else "",
        counted(left.emails, "e-mail") + " set aside" if left.emails else "",
        counted(left.orders, "order") + " without a contact" if left.orders else "",
    ]
    return f"tenant {left.tenant_id} ({left.tenant}): {', '.join(filter(None, parts))}"


def _sum(left: Sequence[Left]) -> str:
    contacts = counted(sum(item.contacts for item in left), "contact")
    emails = counted(sum(item.emails for item in left), "e-mail")
    orders = counted(sum(item.orders for item in left), "order")
    tenants = counted(len(left), "tenant")
    return f"{contacts}, {emails}, {orders}, of {tenants}"


def _broken(rows: int) -> str:
    return f"broken by {counted(rows, 'row')}" if rows else "no row breaks it"


def kept_told(kept: Kept) -> str:
    """Say what a backup is of, when it was taken and how large it is."""
    size = mebibytes(kept.size)
    if kept.manifest is None or kept.taken is None:
        return f"{kept.path.name}: {size}, not whole: {kept.lack}"
    whole = "whole" if not kept.lack else f"not whole: {kept.lack}"
    rows = counted(kept.rows, "row")
    return f"{kept.path.name}: {moment(kept.taken)}, {kept.manifest.stage}, {rows}, {size}, {whole}"


def _kept(kept: Kept, database: Database | None) -> str:
    if kept.manifest is None or kept.belongs_to(database):
        return kept_told(kept)
    return f"{kept_told(kept)}; of another database, {kept.manifest.database}"


def _backup(kept: Kept, database: Database | None) -> dict[str, Any]:
    manifest = kept.manifest
    return {
        "path": str(kept.path),
        "taken": _iso(kept.taken),
        "stage": str(manifest.stage) if manifest else None,
        "rows": {table.table: table.rows for table in manifest.tables} if manifest else {},
        "size": kept.size,
        "whole": not kept.lack,
        "lack": kept.lack,
        "database": manifest.database if manifest else None,
        "host": manifest.host if manifest else None,
        "of_this_database": kept.belongs_to(database),
    }


def _bridge(bridge: StandingBridge) -> dict[str, Any]:
    return {
        "schema": bridge.schema,
        "since": _iso(bridge.since),
        "roles": list(bridge.roles),
        "calls": bridge.calls,
    }


def _preparation(found: Status) -> dict[str, Any]:
    return {
        "since": _iso(found.state.started),
        "next_step": "switch" if found.ready else str(found.state.phase),
        "filled": round(found.filled, 4),
        "verified": _iso(found.verified),
        "journal_changes": found.changes,
        "journal_bytes": found.journal_bytes,
        "warnings": found.warnings(),
    }


def _iso(when: datetime | None) -> str | None:
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
