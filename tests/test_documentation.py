"""The four texts of the documentation say what the code does, and lead to one another."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.core.management import load_command_class

from contacts.restructuring.checks import (
    after_migration,
    before_migration,
    before_recovery,
    before_repair,
    before_restore,
    before_rollback,
)
from contacts.restructuring.checks.base import Check, Severity, Tag
from contacts.restructuring.failures import CODES
from tests.benchmark.__main__ import _parser as benchmark_parser

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
ENGINE = PROJECT / "contacts/restructuring/README.md"
DEVELOPING = PROJECT / "tests/README.md"
TEXTS = (README, PROJECT / "contacts/README.md", ENGINE, DEVELOPING)
MOST_LINES = 450
MOST_LINES_OF_TRANSCRIPT = 40

SIGNS = {"✗": Severity.ERROR, "⚠": Severity.WARNING}
CHECKS = {
    "checks-before-migration": before_migration.CHECKS_BEFORE,
    "checks-after-migration": after_migration.CHECKS_AFTER,
    "checks-before-repair": before_repair.CHECKS,
    "checks-before-rollback": before_rollback.CHECKS_BACK,
    "checks-before-restore": before_restore.ALWAYS,
    "checks-before-recovery": before_recovery.CHECKS,
}
"""The checks of each table, by the comment above it."""

COMMANDS = (
    ("contacts", "migrate_contacts"),
    ("contacts", "load_legacy_sample"),
    ("contacts", "create_database"),
    ("django.core", "check"),
    ("django.core", "makemigrations"),
    ("django.core", "migrate"),
)
"""The commands whose options the texts name, by the app that has them."""
OPTION = re.compile(r"(?<![\w#|-])--[a-z][a-z-]*")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OUR_PATH = re.compile(r"`((?:companies|contacts|jmsk|orders|tests)/[\w./-]+)`")


def each_text() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(PROJECT))


def prose(text: Path) -> str:
    """Return a text without its blocks of code."""
    return FENCE.sub("", text.read_text(encoding="utf-8"))


def table(text: Path, marker: str) -> list[list[str]]:
    """Return the cells of the table under the comment ``marker``, a list for each row."""
    _, found, rest = text.read_text(encoding="utf-8").partition(f"<!-- {marker} -->\n")
    assert found, f"{text} has no comment {marker}"
    lines = rest.partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def section(text: Path, title: str) -> str:
    """Return what stands under the heading ``title`` up to the next one of any level."""
    _, found, rest = text.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    assert found, f"{text} has no section {title}"
    return rest.partition("\n## ")[0]


def anchors(text: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a text."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(next(name for name in _numbered(plain) if name not in found))
    return found


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 1
    while True:
        yield f"{name}-{number}"
        number += 1


def options_of(app: str, command: str) -> list[Sequence[str]]:
    """Return the spellings of each option of a command of manage.py, from its parser."""
    parser = load_command_class(app, command).create_parser("manage.py", command)
    return [action.option_strings for action in parser._actions if action.option_strings]


@pytest.mark.parametrize(("marker", "checks"), CHECKS.items(), ids=CHECKS)
def test_every_check_stands_with_its_severity_in_the_order_in_which_it_runs(
    marker: str, checks: tuple[Check, ...]
) -> None:
    documented = [(title, SIGNS[sign]) for title, sign, *_ in table(ENGINE, marker)]
    assert documented == [(check.title, check.severity) for check in checks]


def test_the_checks_of_a_rollback_that_a_restore_makes_are_marked() -> None:
    marked = {title for title, _, mark, _ in table(ENGINE, "checks-before-rollback") if mark == "↩"}
    assert marked == {
        check.title for check in before_rollback.CHECKS_BACK if Tag.WAY_BACK in check.tags
    }


def test_every_mode_and_option_of_the_command_stands_in_the_readme_and_no_other() -> None:
    text = section(README, "Modes and options")
    options = options_of("contacts", "migrate_contacts")
    named = set(OPTION.findall(text)) | set(re.findall(r"`(-\w)\b", text))
    assert not [spellings for spellings in options if not named & set(spellings)]
    assert not named - {name for spellings in options for name in spellings}


def test_every_option_of_the_sample_stands_in_the_readme() -> None:
    named = set(OPTION.findall(section(README, "Try it, test it")))
    common = {name for names in options_of("contacts", "migrate_contacts") for name in names}
    own = {name for names in options_of("contacts", "load_legacy_sample") for name in names}
    assert own - common <= named


@each_text()
def test_every_option_that_a_text_names_exists(text: Path, pytestconfig: pytest.Config) -> None:
    known = {
        name for app, command in COMMANDS for names in options_of(app, command) for name in names
    }
    unknown = set(OPTION.findall(text.read_text(encoding="utf-8"))) - known
    if text == DEVELOPING:
        unknown -= {
            name for action in benchmark_parser()._actions for name in action.option_strings
        }
        unknown = {name for name in unknown if not _pytest_knows(pytestconfig, name)}
    assert not unknown


def _pytest_knows(config: pytest.Config, option: str) -> bool:
    try:
        config.getoption(option)
    except ValueError:
        return False
    return True


def test_every_failure_code_stands_with_its_meaning_and_no_other() -> None:
    documented = [(code.strip("`"), meaning) for code, meaning in table(ENGINE, "failure-codes")]
    assert documented == list(CODES.items())


def test_every_setting_that_is_read_stands_in_the_table_and_no_other() -> None:
    code = (PROJECT / "jmsk/settings.py").read_text(encoding="utf-8")
    read = re.findall(r'\benv\.\w+\(\s*"(\w+)"|environ\.get\(\s*"(\w+)"', code)
    documented = re.findall(r"^\| `(\w+)` \|", section(README, "Settings"), re.MULTILINE)
    assert sorted(documented) == sorted({first or second for first, second in read})


@each_text()
def test_every_link_leads_somewhere(text: Path) -> None:
    broken = []
    for target in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (text.parent / path).resolve() if path else text
        if not other.exists() or (anchor and anchor not in anchors(other)):
            broken.append(target)
    assert not broken


@each_text()
def test_every_path_that_a_text_names_exists(text: Path) -> None:
    named = OUR_PATH.findall(text.read_text(encoding="utf-8"))
    assert not [path for path in named if not (PROJECT / path).exists()]


def test_every_text_is_reached_from_the_readme() -> None:
    targets = {target.partition("#")[0] for target in LINK.findall(prose(README))}
    assert {str(text.relative_to(PROJECT)) for text in TEXTS[1:]} <= targets


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    (transcript,) = FENCE.findall(section(README, "What you will see"))
    assert len(transcript.splitlines()) - 2 <= MOST_LINES_OF_TRANSCRIPT
