"""What all modes share: the mode, the database, the options, and steps that most of them take."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.bridge.description import BridgeOptions
from contacts.restructuring.checks.base import Result, failed
from contacts.restructuring.console.console import Console
from contacts.restructuring.console.lines import DETAILED, Line
from contacts.restructuring.database.identity import (
    describe_database,
    insist_on_standard_strings,
)
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, Stage, read_layout
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.database.locking.run_lock import refuse_second_run
from contacts.restructuring.database.reading import reading_snapshot, reading_transaction
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.journal import Interrupt, Journal
from contacts.restructuring.modes.beside.remedies import REMEDIES
from contacts.restructuring.preparation.pace import NORMAL, Pace
from contacts.restructuring.reports.files import write_reports
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.text_format import report_lines, settings_lines
from contacts.restructuring.switching.changed import MOST_ORPHANS
from jmsk.postgres.databases import is_missing
from jmsk.postgres.server_errors import server_words


@dataclass(frozen=True)
class Prune:
    """How many backups to keep, and the ``names`` of those that go although they are needed."""

    keep: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What the operator asked for. ``max_lockout`` is in seconds; None: as long as it takes.

    ``new_backup`` insists on one that is written now, even where a fresh one holds the same.

    ``pace`` is that of a preparation, which pauses while a replica is more than ``max_replica_lag``
    megabytes behind (None: any), and may ``place_early``; the switch places ``max_orphans``.
    """

    backup_dir: Path
    patience: Patience
    skip_backup: bool = False
    new_backup: bool = False
    max_lockout: float | None = None
    restore_from: Path | None = None
    alembic_stamp: str = ""
    bridge: BridgeOptions | None = None
    pace: Pace = NORMAL
    max_replica_lag: float | None = None
    max_orphans: int = MOST_ORPHANS
    place_early: bool = False
    defer_rules: bool = False
    placeholder_contacts: bool = False
    prune: Prune | None = None


@dataclass(frozen=True)
class Mode:
    """One of the things that the command can do.

    ``flag`` is its option ('' for the full run), ``argument`` what the option takes, ``further``
    what may follow that; ``help`` is what the manual says of it, ``name`` what reports call it,
    ``run`` does it. It works at ``stages``; at ``done_at`` there is nothing to do, which ``done``
    says. ``question`` is asked before it ``changes`` the database; ``leads_back`` to a former
    state. It ``writes_reports`` also where it fails. One that ``migrates``, or tells or tries it,
    takes the options of a migration. ``steps`` are those that it takes, in order: what is done
    beside them is not counted. ``document``: its standard output is kept for that ('sql'), and
    people read standard error.
    """

    flag: str
    name: str
    run: Callable[["Operation"], None]
    help: str
    stages: tuple[Stage, ...]
    argument: str = ""
    further: str = ""
    question: str = ""
    changes: bool = False
    leads_back: bool = False
    writes_reports: bool = True
    migrates: bool = False
    document: str = ""
    steps: tuple[str, ...] = ()
    done_at: tuple[Stage, ...] = ()
    done: str = ""


@dataclass(frozen=True)
class Operation:
    """One call of the command on one database."""

    mode: Mode
    connection: BaseDatabaseWrapper
    options: Options
    console: Console
    journal: Journal
    layout: Layout
    report: Report

    def say(self, *lines: Line) -> None:
        self.console.say(lines)

    def say_database(self) -> None:
        self.say(Line(f"Database: {self.report.database}"))

    def require_stage(self) -> None:
        """Raise Failure unless the mode works at the database's stage."""
        layout = self.layout
        if layout.stage in self.mode.stages:
            return
        seen = ", ".join(sorted(layout.tables)) or "none of the tables"
        odd = f" ({'; '.join(layout.oddities)})" if layout.oddities else ""
        raise Failure(
            "MC201",
            f"The database {self.report.database} is {layout.stage}, not "
            f"{' or '.join(self.mode.stages)}: found {seen} in schema {layout.schema}{odd}. "
            f"{UNCHANGED} {REMEDIES[layout.stage]}",
        )

    def reading_transaction(self) -> AbstractContextManager[Any]:
        """Give the cursor of a transaction in which nobody keeps readers out of the tables."""
        return reading_transaction(self.connection, self.options.patience, self.journal.wait)

    def reading_snapshot(self) -> AbstractContextManager[Inspector]:
        """Give an :class:`Inspector` in one read-only snapshot; wait for who keeps readers out."""
        patience, wait = self.options.patience, self.journal.wait
        return reading_snapshot(self.connection, self.layout, patience, wait)

    def refuse_failed(self, results: Sequence[Result]) -> None:
        """Raise Failure if a check failed."""
        bad = failed(results)
        if not bad:
            return
        self.journal.current = "checks"
        sound = self.layout.stage in (Stage.LEGACY, Stage.PREPARED, Stage.MIGRATED)
        remedy = "" if sound else f" {REMEDIES[self.layout.stage]}"
        raise Failure(
            "MC301",
            f"Validation failed: {', '.join(result.title for result in bad)}. {UNCHANGED} Put "
            f"right what is listed above, then run again.{remedy}",
        )

    def look_again(self) -> None:
        """Read the stage again, in a new session: nothing was open while a person thought.

        The role may have an idle_session_timeout, and people think for longer.
        """
        self.connection.close()
        now = _read_layout(self.connection, self.options.patience, self.journal)
        if now != self.layout:
            raise Failure(
                "MC202",
                "The tables were changed while the question was open. Nothing was changed by this "
                "run. Run it again, so that they are checked as they are now.",
            )

    def nothing_to_do(self, outcome: str) -> None:
        """Say, in one sentence, that the call ends well without having done anything."""
        self.report.outcome = outcome
        self.say(Line(outcome, "SUCCESS"))

    def save_report(self) -> None:
        """Write the report's files; where none can be written, print it: the run itself is done."""
        report = self.report
        report.seconds, report.finished = dict(self.journal.seconds), datetime.now(UTC)
        self.say(*(replace(line, level=DETAILED) for line in settings_lines(report.settings)))
        written = write_reports(report, self.options.backup_dir)
        report.files = written.paths
        self.say(*(Line(f"⚠ {failure}", "WARNING") for failure in written.failures))
        if not written.paths:
            self.say(Line("Here is the report:"), *report_lines(report))
        self.say(*(Line(f"Report: {path}", verbatim=True) for path in written.paths))


def open_operation(
    mode: Mode,
    connection: BaseDatabaseWrapper,
    options: Options,
    console: Console,
    report: Report,
    interrupt: Interrupt,
) -> Operation:
    """Connect and look at the database. Raises Failure, without a password in it."""
    try:
        connection.ensure_connection()
        insist_on_standard_strings(connection)
    except OperationalError as error:
        if is_missing(connection, error):
            raise Failure(
                "MC111",
                f"The server has no database named {connection.settings_dict['NAME']}. {UNCHANGED} "
                "Correct the name in DATABASE_URL, or make the database with 'manage.py "
                "create_database'.",
            ) from error
        raise Failure(
            "MC101",
            f"The database cannot be reached ({server_words(error)}). {UNCHANGED} Check "
            "DATABASE_URL (host, port, user, password), then run again.",
        ) from error
    with connection.cursor() as cursor:
        refuse_second_run(cursor)
    journal = Journal(console.hear, interrupt=interrupt)
    report.database, report.alias = describe_database(connection), connection.alias
    layout = _read_layout(connection, options.patience, journal)
    report.stage = report.backup_stage = layout.stage
    if console.notifier:
        database = report.database
        console.notifier.about |= {"database": database.name, "host": database.host}
    return Operation(mode, connection, options, console, journal, layout, report)


def _read_layout(connection: BaseDatabaseWrapper, patience: Patience, journal: Journal) -> Layout:
    with reading_transaction(connection, patience, journal.wait):
        return read_layout(connection)
