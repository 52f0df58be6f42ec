"""What a check is, and how checks are run.

A check is a small function that looks and tells, made one by :func:`check`. It never prints, raises
or decides: its severity says what its problems mean. A check that cannot run is an error.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from string import Formatter
from textwrap import shorten
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from psycopg2.errors import QueryCanceled

from contacts.restructuring.database.inspector import Inspector
from jmsk.postgres.server_errors import server_words

FIRST_ROWS = 20
"""How many rows of a problem are named; the rest is counted."""
LONGEST_VALUE = 80
"""Characters of a value that are shown."""


class Severity(StrEnum):
    """What a problem means: an ERROR blocks, a WARNING is told."""

    ERROR = "error"
    WARNING = "warning"


class Tag(StrEnum):
    """What a check is about, for those who pick some of the checks or results."""

    GUIDE = "guide"
    """One of those that were asked for; they come first."""
    FORMAT_RULE = "format rule"
    """A check rule of the target, which is pending while rows break it."""
    COUNTING = "counting"
    """Where it fails, rows cannot be counted."""
    CATALOGUE = "catalogue"
    """Looks at the catalogue only, so that it takes no longer where there are more rows."""
    SESSIONS = "sessions"
    ALEMBIC = "alembic"
    WAY_BACK = "way back"
    """Must pass before the restructuring is reversed, even if all rows are replaced afterwards."""
    WRECK = "wreck"
    """Whether somebody has worked with the wreck of the former migration."""


class Status(StrEnum):
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What a check found: ``count`` problems, of which ``sentences`` tell the first.

    ``query`` finds all of them, where they are rows. ``note`` says what was seen, problem or not.
    ``values`` are what offends in each sentence, or nothing: they may be personal, so they are
    shown to the operator, on the terminal and in the reports, and kept nowhere else.
    """

    count: int = 0
    sentences: tuple[str, ...] = ()
    query: str = ""
    note: str = ""
    values: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The sentences, each with the value that offends."""
        if not self.values:
            return self.sentences
        pairs = zip(self.sentences, self.values, strict=True)
        return tuple(f"{sentence}: {value}" if value else sentence for sentence, value in pairs)


Found = Finding | Iterable[str]
"""What a check's function returns: a finding, or one sentence for each problem."""


@dataclass(frozen=True)
class Check:
    """A check: ``id`` for programs, ``title`` for people, ``hint`` what to do about a problem.

    Its problems block, unless ``severity`` says otherwise.
    """

    id: str
    title: str
    find: Callable[[Inspector], Found]
    hint: str = ""
    severity: Severity = Severity.ERROR
    tags: frozenset[Tag] = frozenset()

    def look(self, inspector: Inspector) -> Finding:
        """Return what the check finds."""
        found = self.find(inspector)
        return found if isinstance(found, Finding) else problems(found)


def check(
    title: str,
    hint: str = "",
    severity: Severity = Severity.ERROR,
    *,
    tags: Iterable[Tag] = (),
    name: str = "",
) -> Callable[[Callable[[Inspector], Found]], Check]:
    """Make a function a :class:`Check`, whose id is ``name`` or else the function's own name."""
    return lambda find: Check(name or find.__name__, title, find, hint, severity, frozenset(tags))


def tagged(tag: Tag, *checks: Check) -> tuple[Check, ...]:
    """Return ``checks``, each with ``tag``."""
    return tuple(replace(check, tags=check.tags | {tag}) for check in checks)


@dataclass(frozen=True)
class Result:
    """The outcome of a check."""

    id: str
    title: str
    status: Status
    finding: Finding
    hint: str = ""
    tags: frozenset[Tag] = frozenset()

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values, for JSON, less the values of rows."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status.value,
            "count": self.finding.count,
            "rows": list(self.finding.sentences),
            "query": self.finding.query,
            "note": self.finding.note,
            "hint": self.hint if self.finding.count else "",
        }


def problems(sentences: Iterable[str]) -> Finding:
    """Return the finding in which each of ``sentences`` is a problem."""
    found = tuple(sentences)
    return Finding(len(found), found[:FIRST_ROWS])


def rows(
    inspector: Inspector,
    query: str,
    sentence: str,
    note: Callable[[int], str] = lambda count: "",
    *,
    value: str = "",
) -> Finding:
    """Return the finding in which each row of ``query`` is a problem.

    ``sentence`` is a format string over the row's columns, ``note`` makes one of the rows' number;
    ``value`` is one that tells the personal part: what offends.
    The rows come in the order of the first column that the sentence names.
    """
    parts = Formatter().parse(sentence + value)
    names = list(dict.fromkeys(name for _, name, _, _ in parts if name))
    # Only these columns, and as text: another may hold what Python cannot, a date BC for example.
    texts = ", ".join(f"found.{name}::text" for name in names)
    # MATERIALIZED: the planner must not hope to find the first rows by walking along an index.
    # There are none as a rule, and then it has walked through the whole table.
    found = inspector.rows(
        f"WITH found AS MATERIALIZED ({query}) SELECT count(*) OVER (), {texts} FROM found "
        f"ORDER BY found.{names[0]} LIMIT {FIRST_ROWS}"
    )
    count = found[0][0] if found else 0
    cells = [dict(zip(names, row[1:], strict=True)) for row in found]
    told = tuple(sentence.format(**row) for row in cells)
    values = tuple(shorten(value.format(**row), LONGEST_VALUE) for row in cells) if value else ()
    # One line, so that it can be pasted from the report.
    pasted = " ".join(query.split()) if found else ""
    return Finding(count, told, pasted, note(count), values)


def together(findings: Iterable[Finding]) -> Finding:
    """Return ``findings`` as one, with a query for all rows that each of them found."""
    found = tuple(findings)
    told = [sentence for one in found for sentence in one.sentences]
    values = [value for one in found for value in one.values or ("",) * len(one.sentences)]
    return Finding(
        sum(one.count for one in found),
        tuple(told[:FIRST_ROWS]),
        "; ".join(one.query for one in found if one.query),
        values=tuple(values[:FIRST_ROWS]),
    )


def verbatim(name: str) -> str:
    """Return ``name`` as a part of a sentence for :func:`rows`."""
    return name.replace("{", "{{").replace("}", "}}")


def run_checks(inspector: Inspector, checks: Sequence[Check]) -> list[Result]:
    """Run ``checks`` in their order and return their results.

    Each runs in a savepoint: what one breaks does not spoil the next. Raises only what ends the
    whole run: a cancelled statement, a lost connection, the window of ``--max-lockout``.
    """
    return [_run(inspector, check) for check in checks]


def _run(inspector: Inspector, check: Check) -> Result:
    status = Status.FAILED if check.severity is Severity.ERROR else Status.WARNING
    try:
        with transaction.atomic(using=inspector.connection.alias):
            finding = check.look(inspector)
    except Exception as error:  # whatever else it is, it blocks and is told
        if _ends_the_run(inspector, error):
            raise
        told = f"The check could not run: {type(error).__name__}: {server_words(error)}"
        status, finding = Status.FAILED, problems([told])
    if not finding.count:
        status = Status.PASSED
    return Result(check.id, check.title, status, finding, check.hint, check.tags)


def _ends_the_run(inspector: Inspector, error: Exception) -> bool:
    """Whether ``error`` says nothing about the check: somebody or something stopped the run."""
    if isinstance(error, CommandError) or isinstance(error.__cause__, QueryCanceled):
        return True
    raw = inspector.connection.connection
    return raw is None or bool(raw.closed)


def failed(results: Iterable[Result]) -> list[Result]:
    """Return those of ``results`` that block."""
    return [result for result in results if result.status is Status.FAILED]
