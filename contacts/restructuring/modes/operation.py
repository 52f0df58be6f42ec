"""What all modes share: the database, the options, and the steps that more than one mode takes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.changes.base import ChangeResult
from contacts.restructuring.checks.base import Result, failed
from contacts.restructuring.console.console import Console
from contacts.restructuring.console.lines import DETAILED, Line, heading
from contacts.restructuring.database.identity import Database, describe_database
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Layout, Stage, read_layout
from contacts.restructuring.database.patience import Patience
from contacts.restructuring.database.reading import reading_snapshot, reading_transaction
from contacts.restructuring.database.run_lock import refuse_second_run
from contacts.restructuring.database.transaction import TransactionOptions, TransactionResult
from contacts.restructuring.journal import Journal
from contacts.restructuring.reports.files import write_reports
from contacts.restructuring.reports.report import Report, ReportDraft
from contacts.restructuring.reports.text_format import report_lines, settings_lines
from jmsk.postgres.server_errors import server_words
from jmsk.wording import counted

REMEDIES = {
    Stage.LEGACY: "Run 'manage.py migrate_contacts' first.",
    Stage.MIGRATED: "It needs no migration; 'manage.py migrate_contacts --verify-only' checks it.",
    Stage.PARTIAL: "This is what the former Alembic migration leaves when it dies: run 'manage.py "
    "migrate_contacts --recover' to take it back to the legacy shape, then migrate.",
    Stage.EMPTY: "Check DATABASE_URL and the role's search_path; to try the tool, run 'manage.py "
    "load_legacy_sample'.",
    Stage.UNKNOWN: "This is no state that the tool knows, so it leaves it alone. Put right what is "
    "odd, or bring back a full backup of the database (pg_dump, a snapshot).",
}


@dataclass(frozen=True)
class Options:
    """What the operator asked for. ``max_lockout`` is in seconds; None: as long as it takes."""

    backup_dir: Path
    patience: Patience
    skip_backup: bool = False
    max_lockout: float | None = None
    restore_from: Path | None = None
    alembic_stamp: str = ""


@dataclass(frozen=True)
class Operation:
    """One call of the command on one database."""

    connection: BaseDatabaseWrapper
    options: Options
    console: Console
    journal: Journal
    database: Database
    layout: Layout
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    draft: ReportDraft = field(default_factory=ReportDraft)

    def say(self, *lines: Line) -> None:
        self.console.say(lines)

    def require(self, *stages: Stage) -> None:
        """Raise CommandError unless the database is at one of ``stages``."""
        layout = self.layout
        if layout.stage in stages:
            return
        seen = ", ".join(sorted(layout.tables)) or "none of the tables"
        odd = f" ({'; '.join(layout.oddities)})" if layout.oddities else ""
        raise CommandError(
            f"The database {self.database} is {layout.stage}, not {' or '.join(stages)}: found "
            f"{seen} in schema {layout.schema}{odd}. Nothing was changed. {REMEDIES[layout.stage]}"
        )

    def reading_transaction(self) -> AbstractContextManager[Any]:
        """Give the cursor of a transaction in which nobody keeps readers out of the tables."""
        return reading_transaction(self.connection, self.options.patience, self.journal.wait)

    def reading_snapshot(self) -> AbstractContextManager[Inspector]:
        """Give a :class:`Inspector` in one read-only snapshot; wait for who keeps readers out."""
        return reading_snapshot(
            self.connection, self.layout, self.options.patience, self.journal.wait
        )

    def frame(self, exclusive: tuple[str, ...], *, rehearse: bool = False) -> TransactionOptions:
        """Return how a transaction of this call is to run."""
        return TransactionOptions(
            self.layout,
            exclusive,
            tuple(name for name in ("tenants",) if name in self.layout.tables),
            self.options.patience,
            rehearse,
            self.options.max_lockout,
        )

    def refuse_failed(self, results: Sequence[Result]) -> None:
        """Raise CommandError if a check failed."""
        bad = failed(results)
        if not bad:
            return
        self.draft.note(failed_step="checks")
        sound = self.layout.stage in (Stage.LEGACY, Stage.MIGRATED)
        remedy = "" if sound else f" {REMEDIES[self.layout.stage]}"
        raise CommandError(
            f"Validation failed: {', '.join(result.title for result in bad)}. Nothing was changed. "
            f"Put right what is listed above, then run again.{remedy}"
        )

    def back_up(self) -> Backup | None:
        """Write the backup, unless told not to. A question follows: one that can be asked."""
        self.console.require_terminal()
        self.say(*heading("CREATING DATABASE BACKUP"))
        if self.options.skip_backup:
            self.say(Line("⚠ No backup is written (--skip-backup).", "WARNING"))
            return None
        with self.journal.step("backup", "Backing up the tables"):
            backup = self.write_backup()
        self.draft.note(backup_path=str(backup.path))
        for table, rows in backup.rows.items():
            self.say(Line(f"✓ Backed up {counted(rows, 'row')} of {table}", "SUCCESS"))
        self.say(Line(f"  The backup lies in {backup.path}"))
        return backup

    def write_backup(self, *, in_transaction: bool = False) -> Backup:
        """Back the tables up as they are now."""
        return write_backup(
            self.connection,
            self.layout,
            self.options.backup_dir,
            datetime.now(UTC),
            lambda table, rows, total: self.journal.progress(rows, total, table),
            patience=self.options.patience,
            wait=self.journal.wait,
            in_transaction=in_transaction,
        )

    def back_up_under_lock(self) -> Path:
        """Back the tables up inside the run's transaction; return where."""
        path = self.write_backup(in_transaction=True).path
        self.draft.note(backup_path=str(path))
        return path

    def look_again(self) -> None:
        """Read the stage again, in a new session: nothing was open while a person thought.

        The role may have an idle_session_timeout, and people think for longer.
        """
        self.connection.close()
        now = _read_layout(self.connection, self.options.patience, self.journal)
        if now != self.layout:
            raise CommandError(
                "The tables were changed while the question was open. Nothing was changed by this "
                "run. Run it again, so that they are checked as they are now."
            )

    def notes(self, ended: TransactionResult[ChangeResult]) -> tuple[str, ...]:
        """Return what the operator should know about a run beside its results."""
        if not ended.value.backup_repeated:
            return ended.notes
        took = self.journal.seconds["backup under lock"]
        return (
            *ended.notes,
            "Somebody wrote between the backup and the lock: the backup was taken again under the "
            f"lock, which kept readers and writers out {took:.1f} s longer.",
        )

    def report(self, mode: str, outcome: str, **more: Any) -> Report:
        """Return the report of this call: what its draft knows, and ``more`` over it."""
        stage = self.layout.stage
        fields = {"stage": stage, "backup_stage": stage, "succeeded": True, **more}
        return self.draft.finish(
            mode,
            outcome,
            database=self.database,
            alias=self.connection.alias,
            started=self.started,
            seconds=dict(self.journal.seconds),
            **fields,
        )

    def nothing_to_do(self, outcome: str) -> None:
        """Say, in one sentence, that the call ends well without having done anything."""
        self.draft.note(outcome=outcome)
        self.say(Line(outcome, "SUCCESS"))

    def save_report(self, report: Report) -> None:
        """Write the report's files; where none can be written, print it: the run itself is done."""
        self.say(*(replace(line, level=DETAILED) for line in settings_lines(report.settings)))
        written = write_reports(report, self.options.backup_dir)
        self.draft.files = written.paths
        self.say(*(Line(f"⚠ {failure}", "WARNING") for failure in written.failures))
        if not written.paths:
            self.say(Line("Here is the report:"), *report_lines(report))
        self.say(*(Line(f"Report: {path}", verbatim=True) for path in written.paths))


def open_operation(
    connection: BaseDatabaseWrapper, options: Options, console: Console
) -> Operation:
    """Connect and look at the database. Raises CommandError, without a password in it."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CommandError(
            f"The database cannot be reached: {server_words(error)}. Nothing was changed. "
            "Check DATABASE_URL (host, port, user, password), then run again."
        ) from error
    with connection.cursor() as cursor:
        refuse_second_run(cursor)
    journal, database = Journal(console.hear), describe_database(connection)
    layout = _read_layout(connection, options.patience, journal)
    return Operation(connection, options, console, journal, database, layout)


def _read_layout(connection: BaseDatabaseWrapper, patience: Patience, journal: Journal) -> Layout:
    with reading_transaction(connection, patience, journal.wait):
        return read_layout(connection)
