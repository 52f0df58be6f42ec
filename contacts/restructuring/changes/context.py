"""What a change is given, its plan and its transaction, and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.bridge.description import BridgeOptions
from contacts.restructuring.checks.base import Result
from contacts.restructuring.database.costs import Space
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, read_layout
from contacts.restructuring.database.transaction import RecoveryPoint, TransactionOptions
from contacts.restructuring.journal import Journal
from contacts.restructuring.proof.fingerprint import Fingerprint

Fingerprints = dict[str, Fingerprint]


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    ``expected`` are the exact fingerprints of the backup taken before (None: there is none),
    ``backup_path`` where it lies; ``back_up`` takes another one inside the transaction. ``bridge``
    is the bridge that a migration is to make; None: none. With ``defer_rules`` it leaves every
    check rule pending; with ``placeholder_contacts`` orders without a contact get one.
    """

    options: TransactionOptions
    started: datetime
    expected: Fingerprints | None = None
    backup_path: Path | None = None
    back_up: Callable[[Inspector], Path] | None = None
    checks_before: tuple[Result, ...] = ()
    alembic_stamp: str = ""
    bridge: BridgeOptions | None = None
    defer_rules: bool = False
    placeholder_contacts: bool = False


@dataclass(frozen=True)
class ChangeContext:
    """The transaction of a change. ``point`` is the moment before its first change."""

    connection: BaseDatabaseWrapper
    cursor: Any
    journal: Journal
    plan: Plan
    point: RecoveryPoint

    @property
    def layout(self) -> Layout:
        """The tables as they were when the transaction had locked them."""
        return self.plan.options.layout

    @property
    def inspector(self) -> Inspector:
        """What a check looks at."""
        return Inspector(self.connection, self.cursor, self.layout)

    @property
    def inspector_now(self) -> Inspector:
        """What a check looks at when the tables have changed."""
        return Inspector(self.connection, self.cursor, read_layout(self.connection))


@dataclass(frozen=True)
class ChangeResult:
    """What a change did. ``results`` are the checks after it, ``space`` what it took."""

    before: Fingerprints
    after: Fingerprints
    space: Space
    results: tuple[Result, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    backup_path: Path | None = None
    backup_repeated: bool = False
