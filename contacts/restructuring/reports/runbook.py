"""The runbook: if this fails, the database is in that state, and these commands lead on.

It is filled in for the database of the report, so that at three in the morning nothing is left to
look up. Passwords are not known here: every command takes DATABASE_URL from the environment.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from contacts.restructuring.database.layout import Stage
from contacts.restructuring.failures import INTERRUPTED
from contacts.restructuring.reports.report import AFTER_COMMIT, Report

NO_BACKUP = "<the folder of a backup, backups/migration_…>"


@dataclass(frozen=True)
class Entry:
    """``event``, what happened; ``state``, of the database then; ``commands``, what to run.

    ``happened`` says that it is what the report is about.
    """

    event: str
    state: str
    advice: str
    commands: tuple[str, ...] = ()
    happened: bool = False


def runbook(report: Report) -> tuple[Entry, ...]:
    """Return what to do for each thing that can go wrong, filled in for the report's database."""
    return (*_before_commit(report), *_after_commit(report), *_disaster(report))


def command(report: Report, *arguments: str) -> str:
    """Return the command line of ``migrate_contacts`` with ``arguments`` for this database."""
    alias = () if report.alias == "default" else ("--database", report.alias)
    return shlex.join(["python", "manage.py", "migrate_contacts", *arguments, *alias])


def _asking(report: Report, query: str) -> str:
    """Return the command line that asks this database ``query``.

    Django's, because psql reads neither SQLAlchemy's URLs nor where the embedded server is.
    """
    alias = "" if report.alias == "default" else f" --database {shlex.quote(report.alias)}"
    return f'python manage.py dbshell{alias} -- -c "{query}"'


def undo(report: Report) -> tuple[str, ...]:
    """Return the exact commands that undo the run of ``report``; none where nothing can.

    After a migration either will do; after a way back they follow one another.
    """
    if report.mode == "migration":
        back = command(report, "--rollback")
        return (back, *_restoring(report)) if report.backup_path else (back,)
    if report.backup_path and report.backup_stage != Stage.PARTIAL:
        return _restoring(report)
    return (command(report),) if report.mode == "rollback" else ()


def _restoring(report: Report) -> tuple[str, ...]:
    """The commands that restore the run's backup into the database as it is now.

    That of a migrated database fits no legacy one, and that of a wreck none at all.
    """
    usable = report.backup_path and report.backup_stage != Stage.PARTIAL
    restore = command(report, "--restore", report.backup_path if usable else NO_BACKUP)
    if report.backup_stage == Stage.MIGRATED and report.stage == Stage.LEGACY:
        return (command(report), restore)
    return (restore,)


def what_happened(report: Report) -> str:
    """Return which of the entries before COMMIT the report is about; '' for none."""
    if report.succeeded or not report.database or not report.changes:
        return ""
    if report.failed_step == AFTER_COMMIT:
        return ""
    if report.stage is None:
        return "commit"
    if report.exit_code == INTERRUPTED:
        return "interrupted"
    if report.failed_step in ("checks", "backup", "locks"):
        return report.failed_step
    return "change" if "django" in report.seconds or "locks" in report.seconds else ""


def _name(report: Report) -> str:
    return report.database.name if report.database else "the database"


def _before_commit(report: Report) -> Iterator[Entry]:
    name = _name(report)
    unchanged = f"{name} is as it was: nothing was changed."
    undone = f"{name} is as it was: the server rolled the one transaction back."
    look = command(report, "--dry-run")
    happened = what_happened(report)
    yield Entry(
        "a check before the change fails",
        unchanged,
        "Put the rows right that are named under the check, then look again.",
        (look,),
        happened == "checks",
    )
    yield Entry(
        "the backup cannot be written",
        f"{unchanged} No half backup is left.",
        "Make room, or name a directory that has some.",
        (command(report, "--backup-dir", "/path/with/room"),),
        happened == "backup",
    )
    yield Entry(
        "the tables cannot be locked",
        unchanged,
        "The message names the sessions in the way: wait for them or end them, or wait longer.",
        (command(report, "--lock-timeout", "30"),),
        happened == "locks",
    )
    yield Entry(
        "a migration step, the proof or a check after it fails, or the window is over",
        undone,
        "Read the message and put right what it names. A rehearsal tries the migration again and "
        "rolls it back; readers and writers are locked out meanwhile.",
        (command(report, "--rehearse"),),
        happened == "change",
    )
    yield Entry(
        "the process is killed, the connection breaks or the power fails before COMMIT",
        undone,
        "See which stage the database is in; it is never in between.",
        (look,),
        happened == "interrupted",
    )
    point = report.recovery_point
    number = point.transaction_id if point else "<transaction number of the report>"
    yield Entry(
        "the answer to COMMIT is lost and the server could not be asked",
        f"{name} is either as it was or changed as a whole.",
        "Ask the server: 'committed' means done, 'aborted' means as it was.",
        (_asking(report, f"SELECT pg_xact_status('{number}')"), look),
        happened == "commit",
    )


def _after_commit(report: Report) -> Iterator[Entry]:
    yield from _after_return(report) if report.leads_back else _after_migration(report)
    name = _name(report)
    yield Entry(
        "rows were destroyed later",
        f"{name} is whole, but its rows are not what they were.",
        "Restore the backup: the tables become what they were when it was taken, and what was "
        "entered since is lost.",
        _restoring(report),
    )
    yield Entry(
        "contacts is there and orders still has customer_id (the former Alembic migration died)",
        f"{name} is partial: half legacy, half migrated.",
        "Take it back to the legacy schema, then migrate.",
        (command(report, "--recover"), command(report)),
    )


def _after_migration(report: Report) -> Iterator[Entry]:
    name = _name(report)
    yield Entry(
        "the application does not work with the new schema",
        f"{name} is migrated and whole.",
        "Check it, then go back to the legacy schema. What the old schema cannot hold (addresses, "
        "fax numbers) lives on in the backup that the rollback takes first.",
        (command(report, "--verify-only"), command(report, "--rollback")),
    )
    yield Entry(
        "the rollback is refused or fails",
        f"{name} is migrated, as before the rollback.",
        "Put right what the message names and run it again, or restore the backup: what was "
        "entered since it was taken is lost then.",
        (
            command(report, "--rollback"),
            command(report, "--restore", report.backup_path or NO_BACKUP),
        ),
    )


def _after_return(report: Report) -> Iterator[Entry]:
    yield Entry(
        f"the application does not work after the {report.mode}",
        f"{_name(report)} is {report.stage or 'at a stage that is not known'} and whole.",
        "Look at its stage, then migrate again, or restore the backup that was taken before.",
        tuple(dict.fromkeys((command(report, "--dry-run"), command(report), *_restoring(report)))),
    )


def _disaster(report: Report) -> Iterator[Entry]:
    point = report.recovery_point
    if point is None:
        return
    yield Entry(
        "the server itself is lost and recovered from its WAL archive",
        "The state of the moment that is recovered to.",
        "To stop just before the first change, recover with these settings "
        f"(the moment was {point.time}).",
        (
            f"recovery_target_lsn = '{point.wal_position}'",
            "recovery_target_inclusive = off",
            "recovery_target_action = 'pause'",
        ),
    )
