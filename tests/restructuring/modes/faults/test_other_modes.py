"""Whatever hits one of the other modes, the database is exactly as before it, or as after it.

One fault here for every four of the full run's (--faults N, --faults-seed N).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cases.faults import draw, hit
from tests.cases.wreck import ROWS, WRECK
from tests.support.database.databases import Database, django_uses
from tests.support.database.photograph import changes, photograph
from tests.support.runs.aftermath import assert_no_locks_left, half_backups
from tests.support.runs.command import Result, assert_succeeds, start
from tests.support.servers.own_servers import OwnServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unblocked")]


@dataclass(frozen=True)
class Subject:
    """A mode, and what was done to the database before it: runs of the command, and SQL."""

    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ((),)
    damage: str = ""


SUBJECTS = {
    "rollback": Subject(("--rollback",)),
    "restore": Subject(("--restore", "{backup}")),
    "repair": Subject(
        ("--repair",),
        damage="DROP TRIGGER trg_validate_contact_company ON contacts;"
        " DROP INDEX ix_contacts_tenant_company",
    ),
    "bridge": Subject(("--bridge",)),
    "bridge's end": Subject(("--drop-bridge",), (("--bridge",),)),
    "recovery": Subject(("--recover",), ()),
}
FAULTS_TO_ONE = 4


@dataclass(frozen=True)
class Stage:
    """Where a mode starts, how the database looks before and after it, and how long it takes."""

    database: Database
    arguments: tuple[str, ...]
    before: str
    after: str
    usual: float
    options: tuple[str, ...] = field(default=("--noinput", "--backup-dir"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Draw the faults; each mode gets its share."""
    if "number" in metafunc.fixturenames:
        most = max(metafunc.config.getoption("--faults") // FAULTS_TO_ONE, 1)
        names = list(SUBJECTS)
        drawn = [(names[number % len(names)], number) for number in range(most)]
        metafunc.parametrize(("mode", "number"), drawn)


@pytest.fixture(scope="session")
def stage_of(
    crash_server: OwnServer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Stage]:
    """Give the stage of a mode, made once."""
    made: dict[str, Stage] = {}

    def give(mode: str) -> Stage:
        if mode not in made:
            made[mode] = prepare(SUBJECTS[mode], crash_server, tmp_path_factory.mktemp("stage"))
        return made[mode]

    return give


def prepare(subject: Subject, server: OwnServer, folder: Path) -> Stage:
    """Bring a database to where the mode starts, and run the mode undisturbed on a copy."""
    options = ("--noinput", "--backup-dir", str(folder))
    database = server.database("sample" if subject.before else "legacy")
    if not subject.before:
        database.execute(ROWS)
        database.run_script(WRECK)
    with django_uses(database):
        for arguments in subject.before:
            assert_succeeds(folder, *arguments)
    database.execute(subject.damage or "SELECT")
    backup = next((str(path) for path in folder.glob("migration_2*") if path.is_dir()), "")
    arguments = tuple(argument.format(backup=backup) for argument in subject.arguments)
    copy = server.copy(database)
    with start(copy, *arguments, *options) as begun:
        begun.wait_for("Database: ")
        first = begun.seconds()
        done = begun.end()
    assert done.code == 0, done.output
    stage = Stage(database, arguments, picture(database), picture(copy), done.seconds - first)
    assert stage.before != stage.after
    server.drop(copy)
    return stage


def picture(database: Database) -> str:
    """Return its photograph, but for when a bridge was made."""
    return re.sub(r'"made": "[^"]*"', "", photograph(database))


def assert_true(kind: str, done: Result, *, at_work: bool, changed: bool) -> None:
    """What the run said in the end is what is there."""
    if kind == "SIGKILL":
        return
    if done.code == 0:
        assert changed, done.output
    if at_work and "Database: " in done.out:
        assert "Traceback" not in done.output, done.output
        assert changed or done.code in (1, 130), done.output


def test_a_fault_leaves_the_database_as_before_or_as_after(
    mode: str,
    number: int,
    crash_server: OwnServer,
    stage_of: Callable[[str], Stage],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    stage = stage_of(mode)
    fault = draw(number, request.config.getoption("--faults-seed"), words=())
    database = crash_server.copy(stage.database)

    def stop() -> None:
        crash_server.stop_at_once()
        crash_server.start()

    options = ("--noinput", "--backup-dir", str(tmp_path))
    with start(database, *stage.arguments, *options) as begun:
        at_work = hit(fault, begun, database, stop, stage.usual)
        done = begun.end()
    assert_no_locks_left(database)
    left = picture(database)

    different = changes(stage.before, left) and changes(stage.after, left)
    assert not different, f"{fault}\n{done.output}\n" + "\n".join(different)
    changed = left == stage.after
    assert_true(fault.kind, done, at_work=at_work, changed=changed)
    if fault.kind != "SIGKILL":
        assert half_backups(tmp_path) == []
    if not changed:
        with django_uses(database):
            assert_succeeds(tmp_path, *stage.arguments)
        assert picture(database) == stage.after
    crash_server.drop(database)
