"""The words of the product: plain, spelled in one way, numbers and nouns that agree.

Every string of the code and every template is read. What cannot be told by a program, nobody holds.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import pytest

from jmsk.wording import counted, inflected, moment
from tests.support.project import PROJECT

PACKAGES = ("companies", "contacts", "orders", "jmsk")
FORBIDDEN = {
    r"(?<!here )\bis no (?!longer|error|problem)\w+": "say 'is not a …'",
    r"\bis none now\b": "say that there is none",
    r"\b(shall|whom|patience is over)\b": "say it as people do",
    r"\bPromise a\b": "nobody promises",
    r"\b[Nn]o rows are named\b": "nobody names rows",
    r"\bstand more than once\b": "say 'used more than once'",
    r"^Values that .* would refuse": "a title has to be true where the check passes",
    r"(?<![-\w])without consequences\b": "a rehearsal locks everybody out",
    r"(?<![-_\w])[Ee]mails?(?= (is|are|was|address|that|of|within|to)\b)": "say 'e-mail'",
}
"""What no sentence says, and what to say instead."""
GUIDE = ("Duplicate emails within companies",)
"""Names of checks that are promised in these words."""
NUMBER = re.compile(r"\{[^{}]+\} (?P<noun>[a-z-]+s)\b")
"""A number that is put straight before a plural: it may be 1."""
PLURALS = {
    *("contacts", "customers", "orders", "companies", "tenants", "rows", "e-mails", "checks"),
    *("statements", "backups", "folders", "sessions", "addresses", "differences", "changes"),
    *("lines", "ids", "tries"),
}
SEVERAL = {
    "contacts/restructuring/checks/tables/key_rows.py": "rows that share a key",
    "contacts/restructuring/checks/tables/drift.py": "rows that share a key",
    "contacts/restructuring/checks/tables/legacy_constraints.py": "contacts that share an e-mail",
    "contacts/restructuring/checks/before_migration.py": "customers that share an e-mail",
}
"""The files whose sentences count what is there twice at least, and what that is."""


@dataclass(frozen=True)
class Sentence:
    """A string of the code or a line of a template, and where it stands."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@cache
def sentences() -> tuple[Sentence, ...]:
    """Return every string and every line of a template of the product."""
    found: list[Sentence] = []
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            if not {"migrations", "sample"} & set(path.parts):
                found += strings(path.relative_to(PROJECT), path.read_text(encoding="utf-8"))
        for path in sorted((PROJECT / package).rglob("*.html")):
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            found += (Sentence(path.relative_to(PROJECT), *numbered) for numbered in lines)
    return tuple(found)


def strings(path: Path, code: str) -> Iterator[Sentence]:
    """Yield the strings of ``code`` that have words in them; what is put in stands in braces."""
    nodes = list(ast.walk(ast.parse(code)))
    inside = {
        id(part)
        for node in nodes
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    docstrings = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes:
        if id(node) in inside | docstrings:
            continue
        text = _text(node)
        if " " in text:
            yield Sentence(path, getattr(node, "lineno", 0), " ".join(text.split()))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def counts(sentence: Sentence) -> bool:
    """Whether a number stands straight before a plural in ``sentence``."""
    return any(found["noun"] in PLURALS for found in NUMBER.finditer(sentence.text))


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_sentence_says_what_is_better_said_otherwise(pattern: str) -> None:
    wrong = [
        str(sentence)
        for sentence in sentences()
        if re.search(pattern, sentence.text) and sentence.text not in GUIDE
    ]
    assert not wrong, f"{FORBIDDEN[pattern]}:\n" + "\n".join(wrong)


def test_each_forbidden_phrase_is_found_where_it_stands() -> None:
    said = (
        "this is no number",
        "The e-mail is none now",
        "What shall become of it?",
        "Promise a longer window",
        "No rows are named.",
        "E-mails that stand more than once",
        "Values that ck_contacts would refuse",
        "try all of it without consequences",
        "the email is odd",
    )
    for pattern, text in zip(FORBIDDEN, said, strict=True):
        assert re.search(pattern, text), text


def test_no_number_stands_straight_before_a_plural() -> None:
    wrong = [
        str(sentence)
        for sentence in sentences()
        if counts(sentence) and str(sentence.path) not in SEVERAL
    ]
    assert not wrong, "use counted() or inflected():\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ('f"{number} contacts are left"', True),
        ('f"{number:,} e-mails were set aside"', True),
        ("f\"{counted(number, 'contact')} left\"", False),
        ('f"tenant {name} has orders"', False),
    ],
)
def test_a_number_before_a_plural_is_found(code: str, caught: bool) -> None:
    (sentence,) = strings(Path("x.py"), code)
    assert counts(sentence) is caught


def test_where_a_rehearsal_is_advised_it_says_that_it_locks_everybody_out() -> None:
    wrong = [
        str(sentence)
        for sentence in sentences()
        if re.search(r"--rehearse\b(?=.* )", sentence.text) and "lock" not in sentence.text
    ]
    assert not wrong, "\n".join(wrong)


def test_one_is_one_and_thousands_stand_apart() -> None:
    told = [counted(number, "row") for number in (0, 1, 2, 1234567)]
    assert told == ["0 rows", "1 row", "2 rows", "1,234,567 rows"]
    assert counted(2, "company", "companies") == "2 companies"
    told = [inflected(number, "order goes", "orders go") for number in (1, 2)]
    assert told == ["1 order goes", "2 orders go"]


def test_every_time_is_told_in_utc_with_seconds() -> None:
    berlin = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 6, 1, 1, 2, 3, tzinfo=berlin)) == "2026-05-31 23:02:03 UTC"
    assert moment(datetime(2026, 6, 1, 1, 2, 3, tzinfo=UTC)) == "2026-06-01 01:02:03 UTC"


def test_no_code_writes_a_time_without_seconds_after_a_date() -> None:
    short = re.compile(r"%Y-%m-%d %H:%M(?!:%S)")
    code = [path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")]
    assert not [str(path) for path in code if short.search(path.read_text(encoding="utf-8"))]
