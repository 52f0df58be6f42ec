"""The end of a call, however it comes: what is known is told, to people and to programs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError

from contacts.restructuring.console.console import Console
from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.modes.mode import LOOKING
from contacts.restructuring.modes.operation import Operation
from contacts.restructuring.reports.json_format import report_json
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.runbook import AFTER_COMMIT

logger = logging.getLogger("contacts.restructuring")
INTERRUPTED = 130


@dataclass
class Call:
    """One call of the command: its mode, and the operation, once the database was reached."""

    mode: str
    console: Console
    started: datetime
    operation: Operation | None = None

    def report(self) -> Report:
        """Return the report of a call that ended well."""
        draft = self.operation and self.operation.draft
        if draft and draft.report:
            return draft.report
        return self._finish("Done.", succeeded=True)

    def failure(self, error: BaseException) -> Report:
        """Return the report of a call that ``error`` ended, with all that is known."""
        told: dict[str, Any] = {
            "succeeded": False,
            "error": " ".join(str(error).split()) or type(error).__name__,
            "exit_code": exit_code(error),
        }
        committed = self.operation and self.operation.journal.committed
        if committed:
            told["failed_step"] = AFTER_COMMIT
        draft = self.operation and self.operation.draft
        if draft and draft.report:
            return replace(draft.report, **told)
        if hasattr(error, "results"):
            told["after"] = tuple(error.results)
        if self.operation and self.operation.journal.in_doubt:
            told["stage"] = None
        if self.operation and committed:
            told["stage"] = _stage_now(self.operation)
            return self._finish(
                f"The {self.mode} was committed; what followed did not end.", **told
            )
        if self.operation and self.operation.journal.current:
            told["failed_step"] = self.operation.journal.current
        return self._finish(f"The {self.mode} {_ended(error)}.", **told)

    def _finish(self, outcome: str, **fields: Any) -> Report:
        if self.operation:
            fields = {"outcome": outcome, **self.operation.draft.known, **fields}
            if not fields["succeeded"]:
                fields["outcome"] = outcome
            return self.operation.report(self.mode, **fields)
        return Report(
            mode=self.mode,
            outcome=outcome,
            database=None,
            stage=None,
            started=self.started,
            finished=datetime.now(UTC),
            **fields,
        )


@contextmanager
def closing(mode: str, console: Console) -> Iterator[Call]:
    """Run a call inside; when it ends, write what there is to write, and let errors pass.

    A run that failed after it had asked for the tables leaves its reports too. With the format
    json, exactly one document is printed, whatever happens.
    """
    call = Call(mode, console, datetime.now(UTC))
    logger.info("begin call: %s", mode, extra={"kind": "begin", "step": "call", "mode": mode})
    try:
        yield call
    except BaseException as error:
        _close(call, call.failure(error), error)
        raise
    _close(call, call.report(), None)


def _close(call: Call, report: Report, error: BaseException | None) -> None:
    call.console.close()
    if error:
        call.console.need_no_reader()
    operation = call.operation
    if error and operation and not operation.draft.files and _tried(call, operation):
        operation.save_report(report)
    _log(report, error)
    if call.console.format == "json":
        files = operation.draft.files if operation else ()
        with suppress(CommandError) if error else nullcontext():  # the first error is to be told
            call.console.document(report_json(report, files))


def _tried(call: Call, operation: Operation) -> bool:
    return call.mode not in LOOKING and "locks" in operation.journal.seconds


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
        "seconds": (report.finished - report.started).total_seconds(),
        "counts": report.counts,
        "failed_step": report.failed_step,
        "failed_checks": [
            item.id for item in (*report.before, *report.after) if item.status == "failed"
        ],
        "error_type": type(error).__name__ if error else "",
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
    if exit_code(error) == INTERRUPTED:
        return "was interrupted"
    return "did not succeed"
