"""The report's files: three of them, private, and none lost because of another."""

import stat
from pathlib import Path

import pytest

from contacts.restructuring.reports import files as report_files
from contacts.restructuring.reports.report import Report
from tests.support.database.databases import Database
from tests.support.runs.command import run_into

pytestmark = pytest.mark.slow

SUFFIXES = [".html", ".json", ".txt"]


def reports(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def test_every_mode_that_works_leaves_three_private_files(sample: Database, tmp_path: Path) -> None:
    modes: tuple[list[str], ...] = (["--rehearse"], [], ["--verify-only"], ["--rollback"])
    for number, mode in enumerate(modes):
        folder = tmp_path / str(number)
        assert run_into(folder, *mode).code == 0
        paths = reports(folder)
        assert [path.suffix for path in paths] == SUFFIXES
        assert len({path.stem for path in paths}) == 1
        assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_two_reports_of_one_second_do_not_meet(tmp_path: Path, report: Report) -> None:
    first = report_files.write_reports(report, tmp_path)
    second = report_files.write_reports(report, tmp_path)
    assert not first.failures + second.failures
    assert {path.stem for path in second.paths} == {f"{first.paths[0].stem}_2"}


def test_one_that_cannot_be_written_leaves_the_others(
    tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(report: Report) -> str:
        raise RecursionError("too deep")

    monkeypatch.setitem(report_files.FORMATS, ".json", fails)
    written = report_files.write_reports(report, tmp_path)
    assert [path.suffix for path in written.paths] == [".txt", ".html"]
    assert "too deep" in written.failures[0]


def test_no_half_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    with pytest.raises(TypeError):
        report_files.write_private(path, None)  # type: ignore[arg-type]
    assert not path.exists()


def test_where_none_can_be_written_the_report_is_printed(sample: Database, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("a file in the way")
    told = run_into(folder, "--rehearse")
    assert told.code == 0
    assert "could not be written" in told.out
    assert "MIGRATION REPORT (rehearsal)" in told.out


@pytest.fixture
def report() -> Report:
    """A report of a call that did not reach its database."""
    from datetime import UTC, datetime

    now = datetime(2026, 1, 23, 14, 30, 22, tzinfo=UTC)
    return Report("migration", now, finished=now, outcome="It did not.", error="No route.")
