"""The SQL that a run executes, as a script for who has to agree to it."""

import re
from collections.abc import Iterator, Sequence

from contacts.restructuring.console.terminal import LINE_BREAKS, printable
from contacts.restructuring.database.recorder import Statement
from contacts.restructuring.reports.report import Report
from jmsk.wording import counted, moment


def sql_text(report: Report, *, reads: bool) -> str:
    """Return the statements of ``report`` as a script, with the lock that each takes above it.

    With ``reads`` those that only look stand in it, too.
    """
    return "\n".join(_lines(report, reads=reads)) + "\n"


def _lines(report: Report, *, reads: bool) -> Iterator[str]:
    shown = [item for item in report.sql if reads or not item.reads]
    yield _comment("What 'manage.py migrate_contacts' executes, in one transaction.")
    yield _comment(f"Database: {report.database}")
    yield _comment(f"Recorded {moment(report.started)}, and rolled back.")
    yield _comment("Above a statement: its step, and the locks that it is the first to take.")
    if len(shown) < len(report.sql):
        left_out = counted(len(report.sql) - len(shown), "statement")
        yield _comment(f"Left out: {left_out} that only read; -v 2 shows them.")
    yield "BEGIN;"
    yield from _statements(shown)
    yield "COMMIT;"


def _statements(shown: Sequence[Statement]) -> Iterator[str]:
    step = ""
    for statement in shown:
        yield ""
        if statement.step != step:
            step = statement.step
            yield _comment(f"step: {step}")
        for table, mode in statement.locks:
            yield _comment(f"lock: {_lock(mode)} on {table}")
        yield f"{statement.text};"


def _lock(mode: str) -> str:
    """Return a lock's name as SQL has it: ACCESS EXCLUSIVE of AccessExclusiveLock."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", mode.removesuffix("Lock")).upper()


def _comment(text: str) -> str:
    """Return ``text`` as one line of comment, whatever name is in it."""
    return f"-- {printable(text, LINE_BREAKS)}"
