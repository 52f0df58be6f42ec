"""What the options take: each function reads one, or says why it cannot. Those of the bridge."""

from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from contacts.restructuring.bridge.description import DEFAULT_SCHEMA, BridgeOptions
from contacts.restructuring.console.notify import command_line
from contacts.restructuring.failures import USAGE
from contacts.restructuring.modes.operation import Mode, Prune
from contacts.restructuring.preparation.pace import NORMAL, PACES
from contacts.restructuring.switching.changed import MOST_ORPHANS


def seconds(text: str) -> float:
    """Read a number of seconds above zero. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        number = float(text)
        if 0 < number <= 86_400:
            return number
    raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to 86,400")


def tries(text: str) -> int:
    """Read a number of tries, at least one. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        number = int(text)
        if 0 < number <= 10_000:
            return number
    raise ArgumentTypeError(f"{text!r} is not a number of tries from 1 to 10,000")


def megabytes(text: str) -> float:
    """Read a number of megabytes above zero. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        read = float(text)
        if 0 < read <= 1_000_000:
            return read
    raise ArgumentTypeError(f"{text!r} is not a number of megabytes above 0 and up to 1,000,000")


def number(text: str) -> int:
    """Read a number, zero included. Raises ArgumentTypeError, which is a usage error."""
    with suppress(ValueError):
        read = int(text)
        if 0 <= read <= 1_000_000_000:
            return read
    raise ArgumentTypeError(f"{text!r} is not a number from 0 to 1,000,000,000")


def pruning(options: dict[str, Any]) -> Prune | None:
    """Return which backups are to go, if any. Raises CommandError where that is unclear."""
    if not options["prune_backups"]:
        return None
    keep, *names = options["prune_backups"]
    try:
        wanted = Prune(number(keep), tuple(names))
    except ArgumentTypeError as error:
        raise CommandError(f"--prune-backups: {error}.", returncode=USAGE) from error
    if names and not options["noinput"]:
        raise CommandError(
            "--prune-backups takes names of backups together with --noinput only.",
            returncode=USAGE,
        )
    return wanted


def revision(text: str) -> str:
    """Read an Alembic revision, which its table holds in 32 characters."""
    if not 0 < len(text) <= 32 or not text.isprintable():
        raise ArgumentTypeError(f"{text!r} is not an Alembic revision of 1 to 32 characters")
    return text


def add_program_arguments(group: Any) -> None:
    """Add to a ``group`` of arguments what is for other programs: the bridge, and their rules."""
    group.add_argument(
        "--bridge",
        action="store_true",
        help="Let the legacy application go on unchanged, on a schema with the legacy names. "
        "It is made in the migration's transaction, or later on a migrated database.",
    )
    group.add_argument(
        "--bridge-schema",
        default=DEFAULT_SCHEMA,
        metavar="NAME",
        help="The schema of the bridge (default: %(default)s).",
    )
    group.add_argument(
        "--bridge-role",
        action="append",
        default=[],
        metavar="ROLE",
        help="Lead new sessions of ROLE to the bridge by its search_path; repeatable.",
    )
    group.add_argument(
        "--defer-rules",
        action="store_true",
        help="Leave all check rules pending from the start; --enforce-rules adds them later "
        "(default: those that no row breaks are in force at once).",
    )
    group.add_argument(
        "--placeholder-contacts",
        action="store_true",
        help="Give the orders without a contact of each tenant one named Unknown contact "
        "(default: they stay without).",
    )
    group.add_argument(
        "--alembic-stamp",
        type=revision,
        metavar="REVISION",
        help="Let alembic_version say REVISION, in the migration's transaction "
        "(default: leave it).",
    )


def add_running_arguments(parser: ArgumentParser) -> None:
    """Add the options that say on what the command runs, and how it speaks."""
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
        "--notify",
        type=command_line,
        metavar="COMMAND",
        help="Run COMMAND, without a shell, when others are locked out, when they are no more, "
        "and at the end; it gets a JSON event on standard input (default: nobody is told).",
    )
    running.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="What standard output gets: text, or one JSON document, and people read standard "
        "error (default: %(default)s).",
    )


def bridge_options(options: dict[str, Any]) -> BridgeOptions | None:
    """Return the bridge that is asked for, if one is. Raises CommandError where that is unclear."""
    if options["bridge"]:
        return BridgeOptions(options["bridge_schema"], tuple(options["bridge_role"]))
    if options["bridge_role"] or options["bridge_schema"] != DEFAULT_SCHEMA:
        raise CommandError("--bridge-schema and --bridge-role go with --bridge.", returncode=USAGE)
    return None


def add_online_arguments(parser: ArgumentParser) -> None:
    """Add the options of the preparation and of the switch."""
    online = parser.add_argument_group("preparing online")
    online.add_argument(
        "--pace",
        choices=tuple(PACES),
        default=NORMAL.name,
        help="How much of the server the preparation takes (default: %(default)s).",
    )
    online.add_argument(
        "--max-replica-lag",
        type=megabytes,
        metavar="MB",
        help="Pause the preparation while a replica is further behind (default: any).",
    )
    online.add_argument(
        "--place-early",
        action="store_true",
        help="Let --prepare place customers without a company before the switch; the application "
        "then sees their default company (default: the switch places them).",
    )
    online.add_argument(
        "--max-orphans",
        type=number,
        default=MOST_ORPHANS,
        metavar="N",
        help="How many customers without a company the switch may place under the lock "
        "(default: %(default)d).",
    )


def online_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked of a preparation and a switch, under the names of Options."""
    return {
        "pace": PACES[options["pace"]],
        "max_replica_lag": options["max_replica_lag"],
        "max_orphans": options["max_orphans"],
        "place_early": options["place_early"],
    }


ELSEWHERE = {
    "alembic_stamp": "; a way back puts the former revision back by itself.",
    "bridge": ", or without a mode on a migrated database.",
    "defer_rules": "; rules that are in force stay so.",
    "placeholder_contacts": "; a way back takes the placeholders away by itself.",
}
"""The options of the migration, and what else there is to say where one stands beside a mode."""


def refuse_beside(mode: Mode, options: dict[str, Any]) -> None:
    """Raise CommandError where an option of one mode stands beside another."""
    if options["place_early"] and mode.name != "preparation":
        raise CommandError(
            "--place-early goes with --prepare only: that is what places customers before the "
            "switch.",
            returncode=USAGE,
        )
    for name, ending in ELSEWHERE.items():
        if options[name] and not mode.migrates:
            raise CommandError(
                f"--{name.replace('_', '-')} goes with the migration, its rehearsal and --dry-run "
                f"only{ending}",
                returncode=USAGE,
            )
