"""Nobody waits in the dark: a clock on a terminal, a line now and then in a log."""

import re
import threading
from pathlib import Path

import pytest

from contacts.restructuring.console.course import BETWEEN, Course, clock
from contacts.restructuring.console.progress import Progress
from contacts.restructuring.journal import Event, Journal
from contacts.restructuring.modes.mode import MODES
from contacts.restructuring.modes.switch import STEPS as SWITCHED
from tests.support.database.databases import Database
from tests.support.runs.command import Terminal, run, run_into
from tests.support.runs.screen import into_a_log, on_a_terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SLOW = """
CREATE FUNCTION slowly() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF current_setting('test.slept', true) IS NULL THEN PERFORM pg_sleep(3); END IF;
    PERFORM set_config('test.slept', 'yes', false);
END $$;
CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER')
EXECUTE FUNCTION slowly();
"""
"""The first trigger of the migration takes three seconds, in which the server says nothing."""
LEFT = r"about 00:\d\d left"


def test_on_a_terminal_the_clocks_move_while_the_server_says_nothing(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute(SLOW)
    options = ("migrate_contacts", "--rehearse", "--noinput", "--backup-dir", str(tmp_path))
    shown = on_a_terminal({"DATABASE_URL": sample.url}, *options)
    assert shown.code == 0
    assert shown.longest.seconds < 2, shown.longest
    slow = [frame for frame in shown.frames if re.search(r"triggers 00:0[2-9]", frame)]
    assert slow
    for frame in slow:
        assert re.match(
            r"Step 6 of 10: Applying \w+\.000\d_triggers 00:0\d, locked out for 00:", frame
        )


def test_a_terminal_that_does_not_say_how_large_it_is_is_drawn_on(
    sample: Database, tmp_path: Path
) -> None:
    options = ("migrate_contacts", "--rehearse", "--noinput", "--backup-dir", str(tmp_path))
    shown = on_a_terminal({"DATABASE_URL": sample.url}, *options, size=(0, 0))
    assert "Step 1 of 10: Running the checks 00:00" in shown.frames


def test_what_was_rehearsed_tells_the_time_left(sample: Database, tmp_path: Path) -> None:
    options = ("migrate_contacts", "--noinput", "--backup-dir", str(tmp_path))
    environment = {"DATABASE_URL": sample.url}
    first = on_a_terminal(environment, *options, "--rehearse")
    assert not re.search(LEFT, first.text)
    second = on_a_terminal(environment, *options)
    assert re.search(rf"Step 8 of 13: .* locked out for 00:\d\d, {LEFT}", second.text)


def test_the_runs_row_tells_it_where_no_report_is(sample: Database, tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in "abc"]
    assert run("--noinput", "--backup-dir", folders[0]).code == 0
    assert run("--rollback", "--noinput", "--backup-dir", folders[1]).code == 0
    options = ("migrate_contacts", "--noinput", "--backup-dir", folders[2])
    assert re.search(LEFT, on_a_terminal({"DATABASE_URL": sample.url}, *options).text)


def test_nothing_moves_on_a_dumb_terminal(sample: Database) -> None:
    shown = on_a_terminal(
        {"DATABASE_URL": sample.url, "TERM": "dumb"}, "migrate_contacts", "--dry-run"
    )
    assert shown.code == 0
    assert "\x1b" not in shown.text
    assert "00:00" not in shown.text
    assert (
        "\x1b" in on_a_terminal({"DATABASE_URL": sample.url}, "migrate_contacts", "--dry-run").text
    )


def test_the_sample_says_what_it_makes(empty: Database) -> None:
    size = ("--customers", "3000", "--orders", "9000")
    shown = on_a_terminal({"DATABASE_URL": empty.url}, "load_legacy_sample", *size)
    assert shown.code == 0
    assert [frame for frame in shown.frames if frame.startswith("Making up the orders 00:0")]
    assert shown.longest.seconds < 2, shown.longest


def test_the_sample_says_nothing_where_nothing_is_asked(empty: Database) -> None:
    shown = into_a_log(
        {"DATABASE_URL": empty.url, "LOG_LEVEL": "WARNING"}, "load_legacy_sample", "-v", "0"
    )
    assert (shown.code, shown.text) == (0, "")


def test_a_log_gets_a_line_where_nothing_was_said_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("contacts.restructuring.console.progress.QUIET", 0.5)
    caplog.set_level("INFO", "contacts.restructuring")
    noted: list[str] = []
    progress = Progress(Terminal(), "default", noted.append)
    progress.expect(("checks", "migrate"), {})
    progress.hear(Event("begin", "migrate", "Migrating"))
    progress.hear(Event("locked", "lock-out"))
    progress.hear(Event("progress", "migrate", "orders", rows=5, total=10))
    wait_until(lambda: len(noted) >= 2)
    progress.close()
    assert re.fullmatch(
        r"Step 2 of 2: Migrating: 00:0\d so far, orders: 5 of 10 rows, locked out for 00:0\d",
        noted[0],
    )
    assert [record for record in caplog.records if record.getMessage().startswith("alive migrate")]


def test_between_two_steps_there_is_a_clock_too() -> None:
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "verify", "Running the checks"))
    progress.hear(Event("end", "verify", "Running the checks"))
    wait_until(lambda: f"{BETWEEN} 00:0" in screen.getvalue())
    progress.close()


def test_nothing_is_drawn_while_a_person_thinks() -> None:
    screen, moment = Terminal(), threading.Event()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "verify", "Running the checks"))
    with progress.question():
        drawn = screen.getvalue()
        moment.wait(0.6)  # more than two ticks, in which nothing may happen
        assert screen.getvalue() == drawn
    wait_until(lambda: screen.getvalue() != drawn)
    progress.close()


def test_the_time_left_is_that_of_the_steps_to_come() -> None:
    course = Course(("checks", "migrate", "verify"), {"checks": 5, "migrate": 100, "verify": 20})
    course.hear(Event("begin", "migrate", "Migrating"))
    (left,) = course.remarks()
    assert left in ("about 02:00 left", "about 01:59 left")
    course.hear(Event("begin", "something else", "Something else"))
    assert course.place == "Step 2 of 3: "
    course.hear(Event("end", "migrate", "Migrating"))
    assert (course.place, course.remarks()) == ("", [])


def test_a_step_within_one_of_its_name_does_not_end_it() -> None:
    course = Course(("verify", "commit"))
    for _ in range(2):
        course.hear(Event("begin", "verify", "Verifying every row"))
    course.hear(Event("end", "verify", "Reading every row again"))
    assert course.place_of("verify") == ""
    assert course.place == "Step 1 of 2: "
    course.hear(Event("end", "verify", "Verifying every row"))
    assert course.place_of("verify") == "Step 1 of 2: "


def test_a_duration_has_hours_where_there_are_any() -> None:
    assert [clock(59.9), clock(61), clock(3661)] == ["00:59", "01:01", "1:01:01"]


def test_every_step_of_a_run_stands_in_its_plan_in_order(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    tell = Journal.tell
    depth: list[str] = []

    def heard(journal: Journal, event: Event) -> None:
        if event.kind == "begin" and not depth:
            taken.append(event.step)
        if event.kind == "begin" and event.step != "commit":
            depth.append(event.step)
        elif event.kind == "end":
            depth.remove(event.step)
        tell(journal, event)

    monkeypatch.setattr(Journal, "tell", heard)
    plans = {mode.flag: mode.steps for mode in MODES}
    for flag in ("--rehearse", "", "--rollback"):
        taken.clear()
        assert run_into(tmp_path, *([flag] if flag else [])).code == 0
        assert set(taken) <= set(plans[flag]), flag
        assert sorted(taken, key=plans[flag].index) == taken, flag


def test_every_step_of_a_switch_stands_in_its_plan(sample: Database, tmp_path: Path) -> None:
    assert run_into(tmp_path, "--prepare").code == 0
    told = on_a_terminal(
        {"DATABASE_URL": sample.url},
        *("migrate_contacts", "--noinput", "--backup-dir", str(tmp_path)),
    )
    assert told.code == 0
    for number in (1, 6, 10):
        assert f"Step {number} of {len(SWITCHED)}: " in told.text
