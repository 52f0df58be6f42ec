"""``manage.py migrate_contacts``: restructure customers into contacts, safely, and prove it."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from contacts.restructuring.backup import Backup, write_backup
from contacts.restructuring.checks import Result, failed, run_checks
from contacts.restructuring.checks_after import CHECKS_AFTER
from contacts.restructuring.checks_before import checks_for
from contacts.restructuring.fingerprint import plain_source, take
from contacts.restructuring.journal import Event, Journal
from contacts.restructuring.locks import Patience
from contacts.restructuring.report import (
    NEXT_STEPS,
    Line,
    Report,
    heading,
    report_lines,
    result_lines,
    statistics_lines,
)
from contacts.restructuring.report_files import write_report
from contacts.restructuring.rules import enforce_rules
from contacts.restructuring.run import Plan, Refused, restructure
from contacts.restructuring.session import describe_database, looking
from contacts.restructuring.stage import Stage, read_layout
from contacts.restructuring.statistics import Statistics, gather

QUESTION = "Proceed with migration? (yes/no): "
EXIT_CODES = """
exit codes: 0 done, or nothing to do; 1 refused, declined, failed, or checks failed (the database is
unchanged unless the message says otherwise); 2 wrong usage; 130 interrupted
"""


def positive_seconds(text: str) -> float:
    """Read a number of seconds above zero. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        seconds = float(text)
        if 0 < seconds < 86_400:
            return seconds
    raise ArgumentTypeError(f"{text!r} is no number of seconds between 0 and 86400")


class Command(BaseCommand):
    help = (
        "Restructure the legacy customers into contacts that belong to companies: validate, back "
        "up, ask, migrate in one transaction, prove every row before COMMIT, report."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own form

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXIT_CODES
        modes = parser.add_mutually_exclusive_group()
        for flag, told in MODES.items():
            modes.add_argument(flag, action="store_const", const=flag, dest="mode", help=told)
        parser.add_argument(
            "--noinput", "--no-input", action="store_true", help="Answer the question with yes."
        )
        parser.add_argument(
            "--skip-backup",
            action="store_true",
            help="Write no backup. Only where a reliable one exists already.",
        )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="The alias of the database (default: %(default)s).",
        )
        parser.add_argument(
            "--backup-dir",
            type=Path,
            default=settings.BASE_DIR / "backups",
            help="Where backups and reports go (default: backups/).",
        )
        parser.add_argument(
            "--lock-timeout",
            type=positive_seconds,
            default=Patience.seconds,
            metavar="SECONDS",
            help=f"How long each of {Patience.tries} tries waits for a lock (default: %(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.started = datetime.now(UTC)
        self.connection = connections[options["database"]]
        self.journal = Journal(self.hear)
        self.connect()
        self.database = describe_database(self.connection)
        self.layout = read_layout(self.connection)
        mode: Callable[[], None] = {
            None: self.migrate,
            "--dry-run": self.dry_run,
            "--verify-only": self.verify_only,
            "--enforce-rules": self.enforce_rules,
        }[options["mode"]]
        try:
            mode()
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. The transaction was rolled back: the database is as it was. Run "
                "'manage.py migrate_contacts --dry-run' to look, or start again.",
                returncode=130,
            ) from None

    def connect(self) -> None:
        """Open the connection. Raises CommandError without a password in it."""
        try:
            self.connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(
                f"The database cannot be reached: {' '.join(str(error).split())}. Nothing was "
                "changed. Check DATABASE_URL (host, port, user, password), then run again."
            ) from error

    # --- the modes -----------------------------------------------------------------------------

    def migrate(self) -> None:
        """The full run."""
        if self.layout.stage is Stage.MIGRATED:
            self.say([Line("This database is already migrated: nothing to do.", "SUCCESS")])
            return
        self.require(Stage.LEGACY)
        before, statistics = self.validate()
        self.refuse_failed(before)
        backup = self.back_up()
        self.confirm(statistics, backup)
        self.look_again()
        self.say(heading("EXECUTING DATABASE MIGRATION"))
        plan = Plan(
            layout=self.layout,
            patience=Patience(self.options["lock_timeout"]),
            expected=backup.fingerprints if backup else None,
            backup_path=backup.path if backup else None,
            backup=partial(self.write_backup, in_transaction=True),
            checks_before=tuple(before),
        )
        try:
            outcome = restructure(self.connection, plan, self.journal)
        except Refused as refused:
            self.say(
                [*heading("POST-MIGRATION VERIFICATION CHECKS"), *result_lines(refused.results)]
            )
            raise
        self.say([Line("✓ Migration completed successfully!", "SUCCESS")])
        self.say([*heading("POST-MIGRATION VERIFICATION CHECKS"), *result_lines(outcome.results)])
        self.banner("✓ POST-MIGRATION VERIFICATION PASSED", MIGRATED)
        notes = outcome.notes
        if outcome.backup_repeated:
            took = self.journal.seconds["backup under lock"]
            notes += (
                "Somebody wrote between the backup and the lock: the backup was taken again under "
                f"the lock, which kept it {took:.1f} s longer.",
            )
        report = Report(
            mode="migration",
            outcome=f"{outcome.counts['customers']} customers are contacts now; every row was "
            "proved before COMMIT.",
            succeeded=True,
            database=self.database,
            stage=Stage.MIGRATED,
            started=self.started,
            finished=datetime.now(UTC),
            before=tuple(before),
            after=tuple(outcome.results),
            statistics=statistics,
            counts=outcome.counts,
            fingerprints_before=outcome.before,
            fingerprints_after=outcome.after,
            seconds=self.journal.seconds,
            settings=outcome.settings,
            recovery_point=outcome.recovery_point,
            backup_path=str(outcome.backup_path or ""),
            notes=notes,
        )
        self.save_report(report)
        self.say([Line(f"Note: {note}", "WARNING") for note in notes])
        self.say([Line(), Line("✓ MIGRATION COMPLETED SUCCESSFULLY!", "SUCCESS"), Line()])
        self.say([Line("Next steps:")])
        self.say([Line(f"  {number}. {step}") for number, step in enumerate(NEXT_STEPS, 1)])

    def dry_run(self) -> None:
        """The checks and the statistics, in a read-only transaction. Writes no file."""
        if self.layout.stage is Stage.MIGRATED:
            self.say([Line("This database is already migrated: nothing to do.", "SUCCESS")])
            return
        results, statistics = self.validate()
        if statistics:
            self.say([*heading("WHAT WOULD BE MIGRATED"), *statistics_lines(statistics)])
        self.refuse_failed(results)
        self.say([Line(), Line("Dry run: nothing was changed.", "SUCCESS")])

    def verify_only(self) -> None:
        """The checks after the migration, on a migrated database, and a report of them."""
        self.require(Stage.MIGRATED)
        with looking(self.connection, self.layout) as scene, self.journal.step("verify"):
            results = run_checks(scene, CHECKS_AFTER)
            tables = self.layout.tables
            sources = [plain_source(tables[name]) for name in sorted(tables)]
            fingerprints = take(scene.cursor, sources)
        self.say([*heading("POST-MIGRATION VERIFICATION CHECKS"), *result_lines(results)])
        self.say([Line(), Line("Fingerprints:")])
        self.say([Line(f"  {name}: {item}") for name, item in fingerprints.items()])
        bad = failed(results)
        self.save_report(
            Report(
                mode="verification",
                outcome=f"{len(bad)} checks failed." if bad else "All checks passed.",
                succeeded=not bad,
                database=self.database,
                stage=self.layout.stage,
                started=self.started,
                finished=datetime.now(UTC),
                after=tuple(results),
                fingerprints_after=fingerprints,
                seconds=self.journal.seconds,
            )
        )
        if bad:
            raise CommandError(
                f"{len(bad)} checks failed: {', '.join(result.title for result in bad)}. Nothing "
                "was changed. Each of them says above what it found."
            )
        self.banner("✓ POST-MIGRATION VERIFICATION PASSED", "All data integrity checks passed.")

    def enforce_rules(self) -> None:
        """Add the check rules that are pending and that no row breaks any more."""
        self.require(Stage.MIGRATED)
        self.say(heading("ENFORCING CHECK RULES"))
        patience = Patience(self.options["lock_timeout"])
        outcomes = enforce_rules(self.connection, self.layout, patience, self.journal)
        if not outcomes:
            self.say([Line("No rule is pending: nothing to do.", "SUCCESS")])
        for outcome in outcomes:
            self.say(outcome.lines())

    # --- the steps -----------------------------------------------------------------------------

    def require(self, stage: Stage) -> None:
        """Raise CommandError unless the database is at ``stage``."""
        layout = self.layout
        if layout.stage is stage:
            return
        seen = ", ".join(sorted(layout.tables)) or "none of the tables"
        odd = f" ({'; '.join(layout.oddities)})" if layout.oddities else ""
        raise CommandError(
            f"The database {self.database} is {layout.stage}, not {stage}: found {seen} in schema "
            f"{layout.schema}{odd}. Nothing was changed. {REMEDIES[layout.stage]}"
        )

    def validate(self) -> tuple[list[Result], Statistics | None]:
        """Run the checks before the migration and show them; gather the statistics."""
        self.say([Line(f"Database: {self.database}")])
        self.say(heading("PRE-MIGRATION VALIDATION CHECKS"))
        with looking(self.connection, self.layout) as scene, self.journal.step("checks"):
            results = run_checks(scene, checks_for(self.layout.stage))
            legacy = self.layout.stage is Stage.LEGACY
            broken = {result.id for result in failed(results)}
            statistics = gather(scene) if legacy and "columns" not in broken else None
        self.say(result_lines(results))
        if not failed(results):
            self.banner("✓ PRE-MIGRATION VALIDATION PASSED", "Database is ready for migration")
        return results, statistics

    def refuse_failed(self, results: list[Result]) -> None:
        """Raise CommandError if a check failed."""
        bad = failed(results)
        if bad:
            raise CommandError(
                f"Validation failed: {', '.join(result.title for result in bad)}. Nothing was "
                f"changed. Put right what is listed above, then run again. "
                f"{REMEDIES.get(self.layout.stage, '')}".rstrip()
            )

    def back_up(self) -> Backup | None:
        """Write the backup, unless told not to."""
        self.say(heading("CREATING DATABASE BACKUP"))
        if self.options["skip_backup"]:
            self.say([Line("⚠ No backup is written (--skip-backup).", "WARNING")])
            return None
        with self.journal.step("backup", "Backing up the tables"):
            backup = self.write_backup()
        for name, fingerprint in backup.fingerprints.items():
            self.say([Line(f"  ✓ Backed up {fingerprint.rows} rows of {name}", "SUCCESS")])
        self.say([Line(f"  The backup lies in {backup.path}")])
        return backup

    def write_backup(self, in_transaction: bool = False) -> Backup:
        """Write a backup of the tables as they are now."""
        return write_backup(
            self.connection,
            self.layout,
            self.options["backup_dir"],
            datetime.now(UTC),
            in_transaction=in_transaction,
        )

    def confirm(self, statistics: Statistics | None, backup: Backup | None) -> None:
        """Show what will happen and ask. Raises CommandError unless the answer is yes."""
        self.say(heading("READY TO MIGRATE"))
        self.say([Line(f"Database: {self.database}"), Line("What will happen:")])
        self.say([Line(f"  - {step}") for step in CONSEQUENCES])
        if statistics:
            self.say(statistics_lines(statistics))
        self.say([Line(f"Backup: {backup.path if backup else 'none (--skip-backup)'}"), Line()])
        if self.options["noinput"]:
            return
        if not sys.stdin.isatty():
            raise CommandError(
                "There is no terminal to ask on. Nothing was changed. Run with --noinput to answer "
                "yes beforehand."
            )
        if input(QUESTION).strip().lower() not in ("yes", "y"):
            raise CommandError("Declined. Nothing was changed.")

    def look_again(self) -> None:
        """Read the stage again: nothing was open while a person thought."""
        if read_layout(self.connection) != self.layout:
            raise CommandError(
                "The tables were changed while the question was open. Nothing was changed by this "
                "run. Run it again, so that they are checked as they are now."
            )

    def save_report(self, report: Report) -> None:
        """Write the report's files; where that fails, print it: the run itself is done."""
        try:
            path = write_report(report, self.options["backup_dir"])
        except OSError as error:
            self.say([Line(f"⚠ The report could not be written ({error}). Here it is:", "WARNING")])
            self.say(report_lines(report))
            return
        self.say([Line(f"Report: {path}")])

    def banner(self, title: str, text: str) -> None:
        rule = Line("=" * 60, "SUCCESS")
        told = [Line(f"  {line}", "SUCCESS") for line in text.splitlines()]
        self.say([Line(), rule, Line(title, "SUCCESS"), *told, rule])

    def hear(self, event: Event) -> None:
        """Tell the operator what the run is doing."""
        if event.kind == "wait":
            self.stderr.write(event.text, self.style.WARNING)
        elif event.kind == "end" and self.options["verbosity"] > 0:
            self.stderr.write(f"{event.text}: {event.seconds:.2f} s", lambda text: text)

    def say(self, lines: list[Line]) -> None:
        """Write ``lines`` to standard output."""
        if self.options["verbosity"] == 0:
            return
        for line in lines:
            style = getattr(self.style, line.style) if line.style else None
            self.stdout.write(line.text, style)


MODES = {
    "--dry-run": "Run the checks and show what would be migrated. Changes nothing.",
    "--verify-only": "Run the checks after a migration, on a migrated database.",
    "--enforce-rules": "Add the check rules that are pending and that no row breaks any more.",
}
MIGRATED = "Migration completed successfully!\nAll data integrity checks passed."
CONSEQUENCES = (
    "customers is renamed to contacts, and every contact gets a company",
    "orders get contact_id and company_id; companies get addresses",
    "readers and writers of these tables wait until it is done",
    "every row is proved before COMMIT; whatever fails, the database stays as it is",
)
REMEDIES = {
    Stage.LEGACY: "Run 'manage.py migrate_contacts' first.",
    Stage.MIGRATED: "It needs no migration; 'manage.py migrate_contacts --verify-only' checks it.",
    Stage.PARTIAL: "This is what the former Alembic migration leaves when it dies: run 'manage.py "
    "migrate_contacts --recover' to take it back to the legacy shape, then migrate.",
    Stage.EMPTY: "Check DATABASE_URL and the role's search_path; to try the tool, run 'manage.py "
    "load_legacy_sample'.",
    Stage.UNKNOWN: "This is no state that the tool knows, so it leaves it alone. Put right what is "
    "odd, or restore a backup.",
}
