"""``manage.py migrate_contacts``: restructure customers into contacts, safely, and prove it."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.errors import InsufficientPrivilege

from contacts.restructuring.console.console import Console
from contacts.restructuring.console.interrupts import cancel_on_signals
from contacts.restructuring.console.notify import Notifier
from contacts.restructuring.console.progress import progress_on
from contacts.restructuring.console.terminal import FittedOutput, wants_no_colour
from contacts.restructuring.database.locking.patience import Patience
from contacts.restructuring.failures import INTERRUPTED, Failure
from contacts.restructuring.journal import Interrupt
from contacts.restructuring.modes.call import Call, closing
from contacts.restructuring.modes.mode import MIGRATE, MODES
from contacts.restructuring.modes.operation import Mode, Options, open_operation
from contacts.restructuring.modes.usage import arguments
from contacts.restructuring.modes.usage.dispatch import run_mode
from contacts.restructuring.modes.usage.manual import (
    DESCRIPTION,
    EPILOG,
    MODES_HELP,
    USAGE,
    ManualFormatter,
)
from jmsk.postgres.server_errors import server_words
from jmsk.suggestions import suggesting


class Stopped(CommandError):  # noqa: N818  # Django writes the name before the message
    """The operator has said no."""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own form

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", ManualFormatter)
        kwargs.setdefault("usage", USAGE)
        parser = super().create_parser(prog_name, subcommand, epilog=EPILOG, **kwargs)
        # What every Django command has stands behind what this one is about.
        parser._action_groups.sort(key=lambda group: group is parser._optionals)
        suggesting(parser)
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        modes = parser.add_argument_group("modes", MODES_HELP).add_mutually_exclusive_group()
        for mode in MODES:
            if mode.further:
                taken = (mode.argument, mode.further)
                modes.add_argument(mode.flag, nargs="+", metavar=taken, help=mode.help)
            elif mode.argument:
                modes.add_argument(mode.flag, type=Path, metavar=mode.argument, help=mode.help)
            elif mode.flag:
                modes.add_argument(
                    mode.flag, action="store_const", const=mode, dest="mode", help=mode.help
                )
        safety = parser.add_argument_group("safety")
        backup = safety.add_mutually_exclusive_group()
        backup.add_argument(
            "--skip-backup",
            action="store_true",
            help="Write no backup, where a reliable one exists already (default: write one).",
        )
        backup.add_argument(
            "--new-backup",
            action="store_true",
            help="Write a backup even where one of the last hour holds exactly the same rows "
            "(default: use that one).",
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
            type=arguments.seconds,
            default=Patience.seconds,
            metavar="SECONDS",
            help="How long a try waits for a lock (default: %(default)g).",
        )
        safety.add_argument(
            "--lock-tries",
            type=arguments.tries,
            default=Patience.tries,
            metavar="N",
            help="How often a lock is tried for (default: %(default)d).",
        )
        safety.add_argument(
            "--max-lockout",
            type=arguments.seconds,
            metavar="SECONDS",
            help="Roll back if the tables are locked for longer (default: as long as it takes).",
        )
        arguments.add_online_arguments(parser)
        arguments.add_program_arguments(parser.add_argument_group("other programs"))
        arguments.add_running_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        mode = _mode(options)
        console = self._console(options, mode)
        chosen = Options(
            backup_dir=options["backup_dir"],
            patience=Patience(options["lock_timeout"], options["lock_tries"]),
            skip_backup=options["skip_backup"],
            new_backup=options["new_backup"],
            max_lockout=options["max_lockout"],
            restore_from=options["restore"],
            alembic_stamp=options["alembic_stamp"] or "",
            bridge=arguments.bridge_options(options),
            defer_rules=options["defer_rules"],
            placeholder_contacts=options["placeholder_contacts"],
            prune=arguments.pruning(options),
            **arguments.online_options(options),
        )
        call, interrupt = None, Interrupt()
        try:
            with cancel_on_signals(connection, interrupt), closing(mode, console) as call:
                _run(call, connection, chosen, interrupt)
        except KeyboardInterrupt as error:
            failure = _interrupted(call)
            raise CommandError(*failure.args, returncode=failure.returncode) from error
        except Failure as failure:
            # Under the name that Django's users know; to decline is no error.
            kind = Stopped if failure.code == "MC108" else CommandError
            raise kind(*failure.args, returncode=failure.returncode) from failure

    def _console(self, options: dict[str, Any], mode: Mode) -> Console:
        """Return the operator's terminal, fitted to what its streams can show."""
        coloured = True if options["force_color"] else None
        if wants_no_colour() and not coloured:
            self.style = no_style()
            coloured = False
        self.stdout = FittedOutput(self.stdout, coloured)
        self.stderr = FittedOutput(self.stderr, coloured)
        return Console(
            self.stdout,
            self.stderr,
            self.style,
            options["verbosity"],
            options["noinput"],
            (mode.document or "text") if options["format"] == "text" else options["format"],
            progress_on(self.stderr, options["database"]) if options["verbosity"] > 0 else None,
            Notifier(options["notify"]) if options["notify"] else None,
        )


def _mode(options: dict[str, Any]) -> Mode:
    """Return the mode that was asked for. Raises CommandError where options do not go together."""
    with_argument = {
        mode.flag.lstrip("-").replace("-", "_"): mode for mode in MODES if mode.argument
    }
    asked = [mode for name, mode in with_argument.items() if options[name]]
    mode: Mode = asked[0] if asked else options["mode"] or MIGRATE
    arguments.refuse_beside(mode, options)
    return mode


def _run(
    call: Call, connection: BaseDatabaseWrapper, chosen: Options, interrupt: Interrupt
) -> None:
    try:
        call.operation = open_operation(
            call.mode, connection, chosen, call.console, call.report, interrupt
        )
        run_mode(call.operation)
    except Failure as failure:
        if interrupt.signal and failure.returncode != INTERRUPTED:
            raise _interrupted(call) from failure  # it was only what the signal broke off
        failure.args = (f"{failure}{_kept(call)}",)
        raise
    except (DatabaseError, InterfaceError) as error:
        # A statement that was cancelled for a signal fails in the server's words.
        raise (_interrupted(call) if interrupt.signal else _broken_off(call, error)) from error
    except KeyboardInterrupt as error:
        raise _interrupted(call) from error


STAYS_COMMITTED = (
    "Everything was committed before, and stays; only what was to follow, such as the report, may "
    "be missing. 'manage.py migrate_contacts --dry-run' says which stage the database is in."
)
NOTHING_COMMITTED = "No transaction of this run was committed: the database is as it was."


def _kept(call: Call | None) -> str:
    """Say where the backup lies that a call wrote which then changed nothing: it stays."""
    if call is None or not call.kept_backup:
        return ""
    return (
        f" The backup that was written before stays in {call.kept_backup}. For an hour the next "
        "run uses it, if nothing has changed."
    )


def _broken_off(call: Call, error: Exception) -> Failure:
    told = server_words(error)
    if call.committed:
        return Failure("MC803", f"The server broke off ({told}). {STAYS_COMMITTED}")
    if isinstance(error.__cause__, InsufficientPrivilege):
        return Failure(
            "MC103",
            f"The role lacks a right ({told}). {NOTHING_COMMITTED} Grant the role of DATABASE_URL "
            f"this right, or set another user there, then run again.{_kept(call)}",
        )
    return Failure(
        "MC102",
        f"The server broke off ({told}). {NOTHING_COMMITTED} Find out why in the server's log, "
        f"then run again.{_kept(call)}",
    )


def _interrupted(call: Call | None) -> Failure:
    if call and call.committed:
        return Failure("MC803", f"Interrupted. {STAYS_COMMITTED}", INTERRUPTED)
    if call and call.in_doubt:
        return Failure(
            "MC804",
            "Interrupted at COMMIT. How it ended was not asked any more: run 'manage.py "
            "migrate_contacts --dry-run'. It says which of the two the database is, and nothing in "
            "between is possible.",
            INTERRUPTED,
        )
    return Failure(
        "MC801",
        "Interrupted before anything was changed. Run the same command again when you want."
        f"{_kept(call)}",
        INTERRUPTED,
    )
