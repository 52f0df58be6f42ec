"""The SQL that a run executes, as a script for who has to agree to it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from contacts.restructuring.console.terminal import LINE_BREAKS, printable
from contacts.restructuring.database.recorder import Statement
from contacts.restructuring.database.round_trips import NEXT
from contacts.restructuring.reports.report import Report
from jmsk.wording import counted, moment

MEANINGS = {
    r"SAVEPOINT": "what follows can be undone by itself, up to the RELEASE of the same name",
    r"RELEASE SAVEPOINT": "what stands since that SAVEPOINT is kept",
    r"ROLLBACK TO SAVEPOINT": "what stands since that SAVEPOINT is undone",
    r"SET TRANSACTION": "each statement sees what was committed before it began",
    r"SELECT pg_try_advisory_xact_lock": "keeps a second run of this tool away until the end",
    r'SET LOCAL "lock_timeout"': "for so long the next statement waits for a lock",
    r'SET LOCAL "search_path"': "where names without a schema are looked for",
    r"SET LOCAL": "settings of this transaction, whatever the role's own are",
    r"SET CONSTRAINTS": "what was to be checked at COMMIT is checked now",
    r"ALTER SEQUENCE .* RESTART": "the next number; should all be rolled back, it comes back, too",
    r"ALTER SEQUENCE .* RENAME": "the sequence is named like its table; a name that begins with "
    "jmsk_ is for a moment only",
    r"SELECT setval": "the last number that was given out: the next one follows it",
}
"""What a statement is for that does not say it by itself, by how it begins; the first one holds."""


def sql_text(report: Report, *, reads: bool) -> str:
    """Return the statements of ``report`` as a script, with the lock that each takes above it.

    With ``reads`` those that only look stand in it, too.
    """
    return "\n".join(_lines(report, reads=reads)) + "\n"


def _lines(report: Report, *, reads: bool) -> Iterator[str]:
    every = list(_each(report.sql))
    shown = every if reads else _writing(every)
    yield _comment("What 'manage.py migrate_contacts' executes, in one transaction.")
    yield _comment(f"Database: {report.database}")
    yield _comment(f"Recorded {moment(report.started)}, and rolled back.")
    yield _comment("Above a statement: its step, the locks that it is the first to take, and")
    yield _comment("what it is for where it does not say so by itself.")
    if len(shown) < len(every):
        left_out = counted(len(every) - len(shown), "statement")
        yield _comment(f"Left out: {left_out} that only read; -v 2 shows them.")
    yield "BEGIN;"
    yield from _statements(shown)
    yield "COMMIT;"


def _each(messages: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements one by one that the server got, several of them in one message."""
    for message in messages:
        first, *others = message.text.split(NEXT.decode())
        yield replace(message, text=first)
        yield from (replace(message, text=text, locks=()) for text in others)


def _writing(statements: Iterable[Statement]) -> Sequence[Statement]:
    """Return ``statements`` less those that only read, and less savepoints around nothing else."""
    kept: list[Statement] = []
    for statement in statements:
        if statement.reads:
            continue
        if kept and statement.text == f"RELEASE {kept[-1].text}":
            kept.pop()
        else:
            kept.append(statement)
    return kept


def _statements(shown: Sequence[Statement]) -> Iterator[str]:
    step = ""
    for statement in shown:
        yield ""
        if statement.step != step:
            step = statement.step
            yield _comment(f"step: {step}")
        for table, mode in statement.locks:
            yield _comment(f"lock: {_lock(mode)} on {table}")
        meant = [told for begins, told in MEANINGS.items() if re.match(begins, statement.text)]
        yield from map(_comment, meant[:1])
        yield f"{statement.text};"


def _lock(mode: str) -> str:
    """Return a lock's name as SQL has it: ACCESS EXCLUSIVE of AccessExclusiveLock."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", mode.removesuffix("Lock")).upper()


def _comment(text: str) -> str:
    """Return ``text`` as one line of comment, whatever name is in it."""
    return f"-- {printable(text, LINE_BREAKS)}"
