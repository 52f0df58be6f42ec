"""The end of a call, however it comes: what is known is told, to people and to programs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError

from contacts.restructuring.changes.base import FailedChecksError
from contacts.restructuring.console.console import Console
from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.failures import INTERRUPTED
from contacts.restructuring.modes.operation import Mode, Operation
from contacts.restructuring.reports.json_format import report_json
from contacts.restructuring.reports.report import AFTER_COMMIT, Report

logger = logging.getLogger("contacts.restructuring")


@dataclass
class Call:
    """One call of the command: its report, and the operation, once the database was reached."""

    mode: Mode
    console: Console
    report: Report
    operation: Operation | None = None

    @property
    def committed(self) -> bool:
        """Whether a transaction of the call was committed."""
        return self.operation is not None and self.operation.journal.committed

    @property
    def in_doubt(self) -> bool:
        """Whether one may have been committed, and nobody has been asked."""
        return self.operation is not None and self.operation.journal.in_doubt

    @property
    def kept_backup(self) -> str:
        """Where the backup lies that a call wrote which then changed nothing; '' for none."""
        return "" if self.committed else self.report.backup_path

    def fail(self, error: BaseException) -> None:
        """Note in the report that ``error`` ended the call, with all that is known."""
        report = self.report
        report.succeeded = False
        report.error = " ".join(str(error).split()) or type(error).__name__
        report.error_code = getattr(error, "code", "")
        report.exit_code = exit_code(error)
        if self.committed:
            report.failed_step = AFTER_COMMIT
        elif self.operation:
            report.failed_step = self.operation.journal.current
        if report.finished:  # it says already how the work itself ended
            return
        if isinstance(error, FailedChecksError):
            report.after = tuple(error.results)
        if self.in_doubt:
            report.stage = None
        report.outcome = f"The {self.mode.name} {_ended(error)}."
        if self.operation and self.committed:
            report.stage = _stage_now(self.operation)
            report.outcome = f"The {self.mode.name} was committed; what followed did not end."


@contextmanager
def closing(mode: Mode, console: Console) -> Iterator[Call]:
    """Run a call inside; when it ends, write what there is to write, and let errors pass.

    A run that failed after it had asked for the tables leaves its reports too. With the format
    json, exactly one document is printed, whatever happens.
    """
    report = Report(mode.name, changes=mode.changes, leads_back=mode.leads_back)
    call = Call(mode, console, report)
    extra = {"kind": "begin", "step": "call", "mode": mode.name}
    logger.info("begin call: %s", mode.name, extra=extra)
    console.begin(mode.name)
    try:
        yield call
    except BaseException as error:
        call.fail(error)
        _close(call, error)
        raise
    report.succeeded = True
    _close(call, None)


def _close(call: Call, error: BaseException | None) -> None:
    console, operation, report = call.console, call.operation, call.report
    console.close()
    if operation:
        report.seconds = dict(operation.journal.seconds)
        report.locked_seconds = report.locked_seconds or operation.journal.locked_seconds
    if error:
        console.need_no_reader()
        if operation and not report.files and _tried(operation):
            operation.save_report()
    report.finished = report.finished or datetime.now(UTC)
    _log(report, error)
    _notify(call)
    if console.format == "json":
        with suppress(CommandError) if error else nullcontext():  # the first error is to be told
            console.document(report_json(report))


def _notify(call: Call) -> None:
    """Tell the operator's command how the call ended; not in its message, which may name rows."""
    report = call.report
    call.console.notify(
        "ended",
        succeeded=report.succeeded,
        exit_code=report.exit_code,
        error_code=report.error_code or None,
        stage=report.stage and str(report.stage),
        locked_seconds=round(report.locked_seconds, 3),
    )


def _tried(operation: Operation) -> bool:
    """Whether a mode that leaves reports had asked for the tables."""
    return operation.mode.writes_reports and "locks" in operation.journal.seconds


def _log(report: Report, error: BaseException | None) -> None:
    """Log how it ended. Not the message: it may name rows, and a log is kept by others.

    What the command foresaw is told on the terminal already, so only the rest is an error.
    """
    foreseen = error is None or isinstance(error, CommandError | KeyboardInterrupt)
    level = logging.INFO if foreseen else logging.ERROR
    extra = {
        "kind": "end",
        "step": "call",
        "mode": report.mode,
        "succeeded": report.succeeded,
        "exit_code": report.exit_code,
        "stage": report.stage and str(report.stage),
        "seconds": (report.ended - report.started).total_seconds(),
        "counts": report.counts,
        "failed_step": report.failed_step,
        "failed_checks": [
            item.id for item in (*report.before, *report.after) if item.status == "failed"
        ],
        "error_type": type(error).__name__ if error else "",
        "error_code": report.error_code,
    }
    told = "succeeded" if report.succeeded else f"failed ({type(error).__name__})"
    logger.log(level, "end call: %s %s", report.mode, told, extra=extra)


def _stage_now(operation: Operation) -> Stage | None:
    """Return what a run that was committed has made of the database; None if it does not answer."""
    try:
        return read_layout(operation.connection).stage
    except (DatabaseError, InterfaceError):
        return None


def exit_code(error: BaseException) -> int:
    """Return the code with which ``error`` ends the process."""
    if isinstance(error, CommandError):
        return error.returncode
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _ended(error: BaseException) -> str:
    return "was interrupted" if exit_code(error) == INTERRUPTED else "did not succeed"
