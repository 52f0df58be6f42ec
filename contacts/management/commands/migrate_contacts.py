"""``manage.py migrate_contacts``: restructure customers into contacts, safely, and prove it."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.errors import InsufficientPrivilege

from contacts.restructuring.console.console import Console
from contacts.restructuring.console.interrupts import cancel_on_signals
from contacts.restructuring.console.progress import Progress
from contacts.restructuring.console.terminal import FittedOutput, wants_no_colour
from contacts.restructuring.database.patience import Patience
from contacts.restructuring.database.transaction import InterruptedRunError
from contacts.restructuring.modes.call import Call, closing
from contacts.restructuring.modes.dry_run import dry_run
from contacts.restructuring.modes.enforce import enforce
from contacts.restructuring.modes.manual import DESCRIPTION, EPILOG, ManualFormatter
from contacts.restructuring.modes.manual import MODES as MODES_TOLD
from contacts.restructuring.modes.migrate import migrate, rehearse
from contacts.restructuring.modes.mode import MODES as REPORT_NAMES
from contacts.restructuring.modes.operation import Operation, Options, open_operation
from contacts.restructuring.modes.recover import recover
from contacts.restructuring.modes.restore import restore
from contacts.restructuring.modes.rollback import rollback
from contacts.restructuring.modes.verify import verify_only
from jmsk.postgres.server_errors import server_words

MODES: dict[str, tuple[Callable[[Operation], None], str]] = {
    "--dry-run": (dry_run, "Run the checks and show what would be migrated. Changes nothing."),
    "--rehearse": (
        rehearse,
        "Run the whole migration for real, then roll it back: the forecast for the real run.",
    ),
    "--verify-only": (verify_only, "Run the checks after a migration, on a migrated database."),
    "--enforce-rules": (
        enforce,
        "Add the check rules that are pending and that no row breaks any more.",
    ),
    "--rollback": (
        rollback,
        "Bring a migrated database back to the legacy schema, every row proved.",
    ),
    "--recover": (
        recover,
        "Take the wreck of the former Alembic migration back to the legacy shape, proved.",
    ),
}


def seconds(text: str) -> float:
    """Read a number of seconds above zero. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        number = float(text)
        if 0 < number <= 86_400:
            return number
    raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 86400")


def revision(text: str) -> str:
    """Read an Alembic revision, which its table holds in 32 characters."""
    if not 0 < len(text) <= 32 or not text.isprintable():
        raise ArgumentTypeError(f"{text!r} is no Alembic revision: 1 to 32 characters")
    return text


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own form

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", ManualFormatter)
        parser = super().create_parser(prog_name, subcommand, epilog=EPILOG, **kwargs)
        # What every Django command has stands behind what this one is about.
        parser._action_groups.sort(key=lambda group: group is parser._optionals)
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        modes = parser.add_argument_group("modes", MODES_TOLD).add_mutually_exclusive_group()
        for flag, (mode, told) in MODES.items():
            modes.add_argument(flag, action="store_const", const=mode, dest="mode", help=told)
        modes.add_argument(
            "--restore",
            type=Path,
            metavar="DIR",
            help="Make the tables what the backup in DIR holds, proved by its fingerprints.",
        )
        safety = parser.add_argument_group("safety")
        safety.add_argument(
            "--skip-backup",
            action="store_true",
            help="Write no backup, where a reliable one exists already (default: write one).",
        )
        safety.add_argument(
            "--backup-dir",
            type=Path,
            default=settings.BASE_DIR / "backups",
            metavar="DIR",
            help="Where backups and reports go (default: backups/).",
        )
        safety.add_argument(
            "--lock-timeout",
            type=seconds,
            default=Patience.seconds,
            metavar="SECONDS",
            help=f"How long a try waits for a lock; {Patience.tries} tries (default: %(default)g).",
        )
        safety.add_argument(
            "--max-lockout",
            type=seconds,
            metavar="SECONDS",
            help="Roll back if the tables are locked for longer (default: as long as it takes).",
        )
        others = parser.add_argument_group("other programs")
        others.add_argument(
            "--alembic-stamp",
            type=revision,
            metavar="REVISION",
            help="Let alembic_version say REVISION, in the migration's transaction "
            "(default: leave it).",
        )
        running = parser.add_argument_group("running and output")
        running.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="The alias of the database (default: %(default)s).",
        )
        running.add_argument(
            "--noinput",
            "--no-input",
            action="store_true",
            help="Answer the question with yes (default: ask).",
        )
        running.add_argument(
            "--format",
            choices=("text", "json"),
            default="text",
            help="What standard output gets: text, or one JSON document, and people read standard "
            "error (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        console = self._console(options)
        chosen = Options(
            backup_dir=options["backup_dir"],
            patience=Patience(options["lock_timeout"]),
            skip_backup=options["skip_backup"],
            max_lockout=options["max_lockout"],
            restore_from=options["restore"],
            alembic_stamp=options["alembic_stamp"] or "",
        )
        mode = restore if options["restore"] else options["mode"] or migrate
        if chosen.alembic_stamp and mode not in (migrate, rehearse, dry_run):
            raise CommandError(
                "--alembic-stamp goes with the migration, its rehearsal and --dry-run only; a way "
                "back puts the former revision back by itself.",
                returncode=2,
            )
        call = None
        try:
            name = REPORT_NAMES[mode.__name__]
            with cancel_on_signals(connection), closing(name, console) as call:
                self._run(mode, call, connection, chosen)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(_interrupted(call)) from error

    def _console(self, options: dict[str, Any]) -> Console:
        """Return the operator's terminal, fitted to what its streams can show."""
        coloured = True if options["force_color"] else None
        if wants_no_colour() and not coloured:
            self.style = no_style()
            coloured = False
        self.stdout = FittedOutput(self.stdout, coloured)
        self.stderr = FittedOutput(self.stderr, coloured)
        moving = options["verbosity"] > 0 and self.stderr.isatty()
        return Console(
            self.stdout,
            self.stderr,
            self.style,
            options["verbosity"],
            options["noinput"],
            options["format"],
            Progress(self.stderr.stream, options["database"]) if moving else None,
        )

    def _run(
        self,
        mode: Callable[[Operation], None],
        call: Call,
        connection: BaseDatabaseWrapper,
        chosen: Options,
    ) -> None:
        try:
            call.operation = open_operation(connection, chosen, call.console)
            mode(call.operation)
        except CommandError as error:
            error.args = (f"{error}{_kept(call)}",)
            raise
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(_broken_off(call, error)) from error
        except KeyboardInterrupt as error:
            raise InterruptedRunError(_interrupted(call)) from error


STAYS_COMMITTED = (
    "Everything was committed before, and stays; only what was to follow, such as the report, may "
    "be missing. 'manage.py migrate_contacts --dry-run' says which stage the database is in."
)
UNCHANGED = "No transaction of this run was committed: the database is as it was."
SEE_THE_LOG = f"{UNCHANGED} Find out why in the server's log, then run again."
NEEDS_THE_RIGHT = (
    f"{UNCHANGED} Grant the role of DATABASE_URL this right, or set another user there, then run "
    "again."
)
IN_DOUBT = (
    "How it ended was not asked any more: run 'manage.py migrate_contacts --dry-run'. It says "
    "which of the two the database is, and nothing in between is possible."
)


def _committed(call: Call | None) -> bool:
    return bool(call and call.operation and call.operation.journal.committed)


def _kept(call: Call | None) -> str:
    """Say where the backup lies that a call wrote which then changed nothing: it stays."""
    known = call.operation.draft.known if call and call.operation else {}
    if _committed(call) or "backup_path" not in known:
        return ""
    return f" The backup that was written before stays in {known['backup_path']}."


def _broken_off(call: Call, error: Exception) -> str:
    told = server_words(error)
    if _committed(call):
        return f"The server broke off ({told}). {STAYS_COMMITTED}"
    if isinstance(error.__cause__, InsufficientPrivilege):
        return f"The role lacks a right ({told}). {NEEDS_THE_RIGHT}{_kept(call)}"
    return f"The server broke off ({told}). {SEE_THE_LOG}{_kept(call)}"


def _interrupted(call: Call | None) -> str:
    if _committed(call):
        return f"Interrupted. {STAYS_COMMITTED}"
    if call and call.operation and call.operation.journal.in_doubt:
        return f"Interrupted at COMMIT. {IN_DOUBT}"
    changed = "Interrupted before anything was changed. Run the same command again when you want."
    return f"{changed}{_kept(call)}"
