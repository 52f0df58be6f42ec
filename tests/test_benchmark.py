"""The benchmark measures what it says: no time is asserted here, only that it is whole and fair."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.pages import PAGES
from tests.benchmark.rounds import Extent, Measurements
from tests.benchmark.scripts import restructure
from tests.benchmark.targets import TARGETS, judge
from tests.support.database.databases import Database, Server
from tests.support.project import PROJECT, environment
from tests.support.runs.command import assert_migrates

pytestmark = pytest.mark.slow

TABLES = ("tenants", "companies", "contacts", "orders", "addresses")
OF_DJANGO = ("django_*", "auth_*", "contacts_restructuringrun", "settling_*")


@pytest.fixture
def another_sample(sample: Database, server: Server) -> Iterator[Database]:
    """A second database like ``sample``."""
    database = server.database("sample")
    yield database
    server.drop(database.name)


def catalogue(database: Database) -> str:
    """Everything but rows, as pg_dump tells it, and nothing of the tables that Django adds."""
    return database.dump("--schema-only", *(f"--exclude-table={name}" for name in OF_DJANGO))


def rows(database: Database, table: str) -> list[dict[str, Any]]:
    """The rows of a table by id, without the moment at which a default company was created."""
    found = [row for (row,) in database.fetch(f"SELECT to_jsonb(t) FROM {table} t ORDER BY id")]
    for row in found:
        if row.get("is_default") and row.get("name") == "Default Company":
            del row["created_at"], row["updated_at"]
    return found


@pytest.mark.parametrize("script", ["plain", "tuned"])
def test_a_script_leads_to_the_catalogue_and_the_rows_of_the_command(
    sample: Database, another_sample: Database, tmp_path: Path, script: str
) -> None:
    assert_migrates(tmp_path)
    restructure(another_sample, script)
    assert catalogue(another_sample) == catalogue(sample)
    for table in TABLES:
        assert rows(another_sample, table) == rows(sample, table)


def test_a_tiny_run_measures_everything_and_leaves_nothing(empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    databases = "SELECT count(*) FROM pg_database WHERE starts_with(datname, 'jmsk_benchmark_')"
    arguments = ["--customers=200", "--orders=1000", "--repeat=1", "--starts=1", f"--json={file}"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", *arguments],
        cwd=PROJECT,
        env={**environment(empty.url), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text())
    assert figures["extent"] == vars(Extent(200, 1000, repeat=1, starts=1))
    assert [target["what"] for target in figures["targets"]] == [item.what for item in TARGETS]
    assert {target["verdict"] for target in figures["targets"]} <= {"ok", "over"}
    assert all(taken["median"] >= 0 for taken in figures["measured"].values())
    for name in [*figures["measured"], *(target.what for target in TARGETS)]:
        assert name in done.stdout
    assert empty.value(databases) == 0
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("migrate", "dumpdata", "verdicts"),
    [(4.0, 8.0, ("ok", "ok")), (5.0, 7.9, ("over", "over"))],
)
def test_a_target_is_judged_by_the_medians_and_says_what_was_not_measured(
    migrate: float, dumpdata: float, verdicts: tuple[str, str]
) -> None:
    found = Measurements()
    for outlier in (1.0, 0.0, 1000.0):
        found.merge({"migrate": migrate * outlier, "plain": 10.0})
    found.merge({"backup": 1.0, "dumpdata": dumpdata})
    words = {verdict.target.what: verdict.word for verdict in judge(found.medians())}
    assert words["migrate step, to B"] == verdicts[0]
    assert words["dumpdata to .gz, to the backup"] == verdicts[1]
    assert words["migrate step, to C"] == "not measured"


def test_a_tiny_run_opens_every_page_of_the_admin_and_reassigns(empty: Database) -> None:
    sizes = {"customers": 40, "orders": 80, "tenants": 4, "big": 2001, "repeat": 1}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark.pages"]
        + [f"--{name}={size}" for name, size in sizes.items()],
        cwd=PROJECT,
        env=environment(empty.url),
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line[:40].strip() for line in done.stdout.splitlines()[2:]]
    assert told[: len(PAGES)] == list(PAGES), done.stderr
    assert told[-3:] == [
        "reassign, the answer",
        "reassign 2,001 contacts, to the end",
        "reassign, a second click",
    ]
    assert done.returncode == int("TOO LONG" in done.stdout)
