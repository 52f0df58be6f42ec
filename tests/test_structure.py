"""The structure of the project: which module may import which, and how large one may be.

The imports are read from the text of the modules, those inside functions and those for type
checkers included; no module is imported for it.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.project import PROJECT

APPS = ("companies", "contacts", "orders")
ENGINE = "contacts.restructuring"

LAYERS = (
    {"failures", "journal"},
    {"database", "console"},
    {"state", "proof"},
    {"bridge"},
    {"backup"},
    {"checks"},
    {"restore", "preparation"},
    {"switching"},
    {"changes", "reports"},
    {"modes"},
)
"""The rooms of the engine, the lowest first. A room imports its own layer and those below."""
SILENT = (
    "database",
    "state",
    "proof",
    "bridge",
    "backup",
    "checks",
    "restore",
    "preparation",
    "switching",
    "changes",
)
"""They return and raise; they never speak to anybody."""
SPEAKING = ("console", "reports", "modes")

MOST_LINES = 250
LONGER = {
    "companies/migrations/0003_triggers.py": "a migration is kept as it was applied",
    "contacts/migrations/0003_hierarchy.py": "a migration is kept as it was applied",
}
"""The files that may be longer, and why."""
MOST_FILES = 18
"""In one folder, ``__init__.py`` aside."""


@dataclass(frozen=True)
class Arrow:
    """An import: the module that has it, the one that it names, and in which line."""

    source: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def within(module: str, *packages: str) -> bool:
    """Whether a module is one of the packages, or lies in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def room(module: str) -> str:
    """Return the room of the engine in which a module lies, '' for one that is elsewhere."""
    return module.removeprefix(f"{ENGINE}.").split(".")[0] if within(module, ENGINE) else ""


@cache
def modules() -> dict[str, Path]:
    """The product's modules by name."""
    found = {}
    for package in (*APPS, "jmsk"):
        for path in (PROJECT / package).rglob("*.py"):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def arrows() -> tuple[Arrow, ...]:
    """Every import of the product, also of what is not the project's."""
    return tuple(arrow for module, path in modules().items() for arrow in imports(module, path))


def imports(module: str, path: Path) -> Iterator[Arrow]:
    """Yield the imports that stand in a module, wherever they stand."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Arrow(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            start = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                inside = f"{start}.{alias.name}"
                yield Arrow(module, inside if inside in modules() else start, node.lineno)


def reached(found: Iterable[Arrow]) -> dict[str, set[str]]:
    """Return for each module those that it imports, by way of others too."""
    direct: dict[str, set[str]] = {}
    for arrow in found:
        direct.setdefault(arrow.source, set()).add(arrow.target)
    everything = {}
    for module, targets in direct.items():
        seen: set[str] = set()
        ahead = list(targets)
        while ahead:
            target = ahead.pop()
            if target not in seen:
                seen.add(target)
                ahead += direct.get(target, ())
        everything[module] = seen
    return everything


def circles(found: Iterable[Arrow]) -> set[tuple[str, ...]]:
    """Return the groups of modules each of which imports every other, by way of others too."""
    targets = reached(found)
    return {
        tuple(sorted(other for other in seen if module in targets.get(other, ())))
        for module, seen in targets.items()
        if module in seen
    }


def assert_none(wrong: Iterator[Arrow]) -> None:
    """Fail with a line for each arrow that may not be."""
    assert "\n".join(map(str, wrong)) == ""


def test_every_room_of_the_engine_has_a_layer() -> None:
    rooms = {room(module) for module in modules() if within(module, ENGINE) and module != ENGINE}

    assert rooms == set().union(*LAYERS)


def test_the_engine_imports_downwards_only() -> None:
    height = {name: number for number, layer in enumerate(LAYERS) for name in layer}

    assert_none(
        arrow
        for arrow in arrows()
        if room(arrow.source) in height
        and height.get(room(arrow.target), -1) > height[room(arrow.source)]
    )


def test_changes_and_reports_do_not_know_each_other() -> None:
    apart = {"changes", "reports"}

    assert_none(arrow for arrow in arrows() if {room(arrow.source), room(arrow.target)} == apart)


def test_what_changes_the_database_never_speaks() -> None:
    assert_none(
        arrow
        for arrow in arrows()
        if room(arrow.source) in SILENT and room(arrow.target) in SPEAKING
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(arrows()) == set()


def test_a_circle_is_found_over_any_number_of_modules() -> None:
    pairs = ("ab", "bc", "cd", "db", "ea", "fg", "gf", "hh")

    found = circles(Arrow(pair[0], pair[1], 1) for pair in pairs)

    assert found == {("b", "c", "d"), ("f", "g"), ("h",)}


def test_what_the_apps_share_imports_no_app() -> None:
    assert_none(
        arrow for arrow in arrows() if within(arrow.source, "jmsk") and within(arrow.target, *APPS)
    )


def test_companies_do_not_import_the_models_that_refer_to_them() -> None:
    others = ("contacts.models", "orders.models")

    assert_none(
        arrow
        for arrow in arrows()
        if within(arrow.source, "companies") and within(arrow.target, *others)
    )


def test_the_product_does_not_import_its_tests() -> None:
    assert_none(arrow for arrow in arrows() if within(arrow.target, "tests"))


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        str(path.relative_to(PROJECT)): len(path.read_text().splitlines())
        for path in modules().values()
    }
    too_long = {name for name, lines in lengths.items() if lines > MOST_LINES}

    assert "\n".join(f"{name}: {lengths[name]}" for name in sorted(too_long - set(LONGER))) == ""
    assert set(LONGER) - too_long == set(), "these need no exception any more"


def test_no_folder_holds_more_files_than_can_be_overlooked() -> None:
    folders = {path.parent for path in modules().values()}
    counted = {
        str(folder.relative_to(PROJECT)): len([*folder.glob("[!_]*.py")]) for folder in folders
    }

    assert {name: files for name, files in counted.items() if files > MOST_FILES} == {}


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("import contacts.models", {"contacts.models"}),
        ("from contacts import models", {"contacts.models"}),
        ("from contacts.models import Contact", {"contacts.models"}),
        ("from . import models\nfrom .runs import x", {"contacts.models", "contacts.runs"}),
        ("from ..models import Contact", {"models"}),
        ("def f():\n    from orders import models", {"orders.models"}),
        ("if TYPE_CHECKING:\n    from tests.support import project", {"tests.support"}),
    ],
)
def test_an_import_is_found_wherever_and_however_it_stands(
    tmp_path: Path, text: str, targets: set[str]
) -> None:
    path = tmp_path / "admin.py"
    path.write_text(text)

    assert {arrow.target for arrow in imports("contacts.admin", path)} == targets
