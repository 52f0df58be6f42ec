"""--notify: a command of the operator's hears of the lock-out and of the end."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from contacts.restructuring.console.notify import Notifier
from tests.support.database.databases import Database
from tests.support.runs.command import run, run_child, run_into

pytestmark = pytest.mark.slow

APPEND = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"


def appending(file: Path) -> str:
    """Return the command that writes what it gets to a file, whose name needs no shell."""
    return shlex.join([sys.executable, "-c", APPEND, str(file)])


def events(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_hears_of_the_lock_out_and_of_the_end(sample: Database, tmp_path: Path) -> None:
    file = tmp_path / "heard $(touch no shell).log"
    assert run_into(tmp_path, "--notify", appending(file)).code == 0
    begun, over, ended = events(file)
    assert [begun["event"], over["event"], ended["event"]] == ["locked", "unlocked", "ended"]
    for event in (begun, over, ended):
        assert (event["mode"], event["database"]) == ("migration", sample.name)
    assert over["seconds"] > 0
    assert (ended["succeeded"], ended["exit_code"], ended["stage"]) == (True, 0, "migrated")
    assert begun["at"] < over["at"] <= ended["at"]


def test_it_hears_of_a_failure_by_its_code_only(sample: Database, tmp_path: Path) -> None:
    file = tmp_path / "heard.log"
    sample.execute("UPDATE tenants SET name = 'Secret Shop'")
    done = run_into(tmp_path, "--verify-only", "--notify", appending(file))
    assert done.code == 1
    (ended,) = events(file)
    assert (ended["succeeded"], ended["exit_code"], ended["error_code"]) == (False, 1, "MC201")
    assert "error" not in ended


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/at/all", "No such file or directory"),
        (shlex.join([sys.executable, "-c", "raise SystemExit(3)"]), "exit code 3"),
    ],
)
def test_what_fails_of_it_is_a_warning(
    sample: Database, tmp_path: Path, command: str, why: str
) -> None:
    done = run_into(tmp_path, "--notify", command)
    assert done.code == 0
    for event in ("locked", "unlocked", "ended"):
        assert f"failed at '{event}': {why}" in done.out


def test_one_that_does_not_end_is_ended_and_delays_no_run() -> None:
    notifier = Notifier((sys.executable, "-c", "import time; time.sleep(60)"), limit=0.5)
    notifier.tell("locked")
    (failure,) = notifier.close()
    assert failure.endswith("failed at 'locked': it took more than 0.5 s")


def test_one_that_reads_nothing_is_no_failure() -> None:
    notifier = Notifier((sys.executable, "-c", "pass"))
    notifier.tell("locked", text="x" * 1_000_000)
    assert notifier.close() == ()


@pytest.mark.parametrize("command", ["", "  ", "'open"])
def test_what_is_no_command_is_wrong_usage(command: str) -> None:
    done = run_child("postgresql://nobody@127.0.0.1:1/x", "--notify", command)
    assert done.code == 2
    assert "argument --notify: " in done.err


def test_nobody_is_told_unasked(sample: Database, tmp_path: Path) -> None:
    assert "--notify" not in run("--dry-run").output
