"""What the operator reads fits the terminal: its width, encoding, colours; and its verbosity."""

import io
import re

import pytest
from django.core.management.base import OutputWrapper

from contacts.restructuring.console.terminal import FittedOutput, columns, spell, wrap
from tests.support.database.databases import Database
from tests.support.runs.command import Terminal, run

ESCAPE = "\x1b"


class Narrow(io.TextIOWrapper):
    """A stream of an encoding of its own."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def told(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG", "DJANGO_COLORS", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_long_sentence_hangs_under_its_text() -> None:
    assert wrap("    - Customer 3 (tenant 2) has no company", 30).splitlines() == [
        "    - Customer 3 (tenant 2)",
        "      has no company",
    ]
    assert wrap("    → Nothing to do here at all", 20).splitlines()[1].startswith("      ")


def test_rules_are_as_wide_as_the_terminal_and_words_stay_whole() -> None:
    assert wrap("=" * 60, 40) == "=" * 40
    assert "/a/path/that/is/longer/than/the/line" in wrap(
        "Backup: /a/path/that/is/longer/than/the/line", 20
    )
    assert wrap("x " * 60, None) == "x " * 60


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_stream_that_cannot_show_marks_gets_ascii(encoding: str) -> None:
    stream = Narrow(encoding)
    output = FittedOutput(OutputWrapper(stream))
    output.write("✓ Atelier Lumière → 金… ✗ ⚠")
    told = stream.told()
    assert told.startswith("[OK] Atelier Lumi")
    assert "-> \\u91d1... [FAILED] [WARNING]" in told


def test_names_cannot_steer_the_terminal() -> None:
    assert spell(f"{ESCAPE}[2Jgone\r\u202e \udc80", io.StringIO()) == (
        "\\x1b[2Jgone\\x0d\\x202e \\xdc80"
    )


def test_a_terminal_of_the_c_locale_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    assert spell("✓", screen) == "✓"
    monkeypatch.setenv("LANG", "C")
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")  # what Python itself sets there
    assert spell("✓", screen) == "[OK]"
    assert spell("✓", io.StringIO()) == "✓"


def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert columns(Terminal()) == 50
    assert columns(io.StringIO()) is None


def test_every_line_of_a_dry_run_fits_fifty_columns(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    told = run("--dry-run", "--no-color", terminal=True)
    lines = [line for line in told.out.splitlines() if "All of them:" not in line]
    assert not [line for line in lines if len(line) > 50 and " " in line.strip()]
    assert "=" * 50 in lines


def test_colours_go_where_they_are_seen_and_wanted(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ESCAPE not in run("--dry-run").out
    assert ESCAPE in run("--dry-run", "--force-color").out
    assert f"{ESCAPE}[3" in run("--dry-run", "--force-color", terminal=True).out
    assert ESCAPE not in run("--dry-run", "--no-color", terminal=True).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert ESCAPE not in run("--dry-run", terminal=True).out


def test_errors_only_at_verbosity_0(sample: Database) -> None:
    told = run("--dry-run", "-v", "0")
    assert (told.out, told.err) == ("", "")


def test_more_is_told_at_each_verbosity(sample: Database) -> None:
    one, two, three = (run("--dry-run", "-v", str(level)) for level in (1, 2, 3))
    assert "All of them: SELECT id, tenant_id, name FROM customers" not in one.out
    assert "All of them: SELECT id, tenant_id, name FROM customers" in two.out
    assert re.search(r"^\d\d:\d\d:\d\d\.\d+ begin checks: ", three.err, re.MULTILINE)


def test_passed_checks_fold_into_one_line(sample: Database) -> None:
    told = run("--dry-run").out
    (number,) = re.findall(r"^✓ (\d+) checks passed$", told, re.MULTILINE)
    assert "... PASSED" not in told
    each = run("--dry-run", "-v", "2").out
    assert each.count("... PASSED") == int(number)
    assert "✓ Count of customers to migrate... PASSED: Found 150 customers" in each.splitlines()
    assert f"✓ {number} checks passed" in each.splitlines()


def test_a_log_file_gets_a_line_a_step(sample: Database) -> None:
    assert re.fullmatch(r"Running the checks: \d+\.\d\d s\n", run("--dry-run").err)


def test_the_help_is_a_manual_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    told = capsys.readouterr().out
    assert "\nexit codes:\n  0    done, or nothing to do\n" in told
    assert told.count("\n    python manage.py migrate_contacts") == 3
    assert told.index("\nmodes:") < told.index("\nsafety:") < told.index("\noptions:")
