"""Progress: on terminals only, in step with the run, and never in its way."""

import contextlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from contacts.restructuring.console.bars import CLOCK, fitted
from contacts.restructuring.console.progress import Progress
from contacts.restructuring.console.watch import ServerWatch
from contacts.restructuring.journal import Event
from tests.support.database.databases import Database
from tests.support.runs.command import Terminal, run, run_into
from tests.support.runs.screen import into_a_log, on_a_terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

COPIED = re.compile(r"copying things, \d+ rows")
SLOW = """
    CREATE TABLE things AS SELECT generate_series(1, 200) AS id;
    CREATE FUNCTION slowly(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        IF $1 = 150 THEN PERFORM pg_advisory_xact_lock(1); END IF;
        RETURN $1;
    END $$;
"""
"""What calls it stands still in the middle, while somebody holds the lock."""


@contextlib.contextmanager
def halfway(database: Database, work: Callable[[], object]) -> Iterator[ServerWatch]:
    """Let ``work`` stand still in the middle, and give what watches it."""
    gate, watch, working = database.connect(), ServerWatch("default"), threading.Thread(target=work)
    with gate.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
    working.start()
    try:
        yield watch
    finally:
        gate.close()
        working.join()
        watch.close()


def test_rows_are_counted_with_rate_and_time_left() -> None:
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "backup", "Backing up the tables"))
    progress.hear(Event("progress", "backup", "orders", rows=250, total=1000))
    wait_until(lambda: "25%" in screen.getvalue())
    progress.hear(Event("progress", "backup", "orders", rows=500, total=1000))
    wait_until(lambda: "50%" in screen.getvalue())
    progress.close()
    assert "orders:  50%" in screen.getvalue()
    assert "rows/s" in screen.getvalue()


def test_rows_and_things_are_whole_numbers_with_their_noun() -> None:
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "index", "Making the indexes"))
    told = Event("progress", "index", "ix_a", rows=2, total=9, noun="index", plural="indexes")
    progress.hear(told)
    wait_until(lambda: "ix_a: 2 of 9 indexes|" in screen.getvalue())
    assert "rows" not in screen.getvalue()
    progress.hear(Event("progress", "index", "orders", rows=5, total=1000))
    wait_until(lambda: "5/1,000 rows" in screen.getvalue())
    progress.close()
    assert not re.search(r"\d\.\d+( of |/)", screen.getvalue())
    assert told.done == "2 of 9 indexes"


LONG = "Reading every row of the moment of the lock"


@pytest.mark.parametrize("counts", [False, True])
def test_at_80_columns_the_clocks_are_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, counts: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.expect(("locks", "witness"), {"witness": 40.0})
    progress.hear(Event("begin", "witness", LONG))
    progress.hear(Event("locked", "lock-out"))
    if counts:
        progress.hear(Event("progress", "witness", LONG, rows=123_456, total=9_000_000))
    wait_until(lambda: screen.getvalue().count("about 00:3") >= 3)
    progress.close()
    frames = [frame for frame in re.split("[\r\n]", screen.getvalue()) if "locked" in frame]
    assert frames
    for frame in frames:
        assert len(frame) <= 80
        assert re.match(r"2/2: Reading.*, locked out for 00:0\d, about 00:[34]\d left", frame)


def test_before_a_text_is_cut_its_number_gets_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen, clocks = Terminal(), ["locked out for 00:12", "about 00:34 left"]
    for text in ("Backing up the tables", "Restoring the rows"):
        assert fitted(f"Step 5 of 10: {text}", clocks, CLOCK, screen) == f"5/10: {text}"
    assert fitted("Step 6 of 10: Migrating", clocks, CLOCK, screen) == "Step 6 of 10: Migrating"
    assert fitted(f"Step 5 of 10: {LONG}", clocks, CLOCK, screen).endswith("...")


def test_the_last_step_is_seen_on_a_terminal_and_in_a_log(sample: Database, tmp_path: Path) -> None:
    database = {"DATABASE_URL": sample.url}
    call = ("migrate_contacts", "--noinput", "--backup-dir", str(tmp_path))
    for number, mode in (
        (10, "--rehearse"),
        (13, ""),
        (12, "--rollback"),
        (7, "--prepare"),
        (16, ""),
    ):
        show = into_a_log if mode in ("--rehearse", "--prepare") else on_a_terminal
        shown = show(database, *call, *([mode] if mode else []))
        assert shown.code == 0, shown.text
        steps = re.findall(rf"^Step (\d+) of {number}: ", shown.text.replace("\r", "\n"), re.M)
        assert steps[-1] == str(number), (mode, shown.text)


def test_the_clock_runs_while_the_server_works() -> None:
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "verify", "Running the checks"))
    wait_until(lambda: "Running the checks 00:01" in screen.getvalue())
    progress.close()


def test_nothing_is_drawn_after_the_end() -> None:
    screen, threads = Terminal(), set(threading.enumerate())
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "verify", "Running the checks"))
    assert set(threading.enumerate()) > threads
    progress.close()
    assert screen.getvalue().endswith("\r")
    assert set(threading.enumerate()) == threads


def test_an_index_that_is_being_built_is_seen(empty: Database) -> None:
    empty.run_script(SLOW)
    with halfway(empty, lambda: empty.execute("CREATE INDEX ON things (slowly(id))")) as watch:
        wait_until(lambda: (watch.look() or "").startswith("index of things, building index"))
        idle = empty.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'idle' AND backend_xmin IS NULL AND query LIKE '%%create_index%%'"
        )
        assert idle == 1
    assert watch.connection is None


UNSEEN = "CREATE TABLE fresh AS SELECT * FROM things; CREATE INDEX ON fresh (slowly(id))"


def test_a_table_that_nobody_else_can_see_yet_is_not_told_by_its_number(empty: Database) -> None:
    empty.run_script(SLOW)
    with halfway(empty, lambda: empty.execute(UNSEEN)) as watch:
        wait_until(lambda: (watch.look() or "").startswith("index of "))
        assert (watch.look() or "").startswith("index of a table that is being written, building")


def test_rows_that_are_copied_are_counted(empty: Database) -> None:
    empty.run_script(
        f"{SLOW} CREATE FUNCTION slow_row() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM slowly(NEW.id); RETURN NEW; END $$;"
        " CREATE TRIGGER slow_row BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION slow_row()"
    )
    lines = io.StringIO("".join(f"{number}\n" for number in range(200)))
    with psycopg2.connect(empty.url) as other, other.cursor() as cursor:
        copy = partial(cursor.copy_expert, "COPY things FROM STDIN", lines)
        with halfway(empty, copy) as watch:
            wait_until(lambda: bool(COPIED.match(watch.look() or "")))
    other.close()


def test_a_watch_that_cannot_connect_gives_up_and_says_so(
    empty: Database, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ServerWatch("default")
    empty.execute(f'ALTER DATABASE "{empty.name}" CONNECTION LIMIT 0')
    empty.execute("CREATE ROLE nobody_much LOGIN")
    from django.db import connections

    settings = connections["default"].settings_dict
    user = settings["USER"]
    settings["USER"] = "nobody_much"
    caplog.set_level("INFO", "contacts.restructuring")
    try:
        assert watch.look() is None
        assert watch.broken
    finally:
        settings["USER"] = user
        empty.execute("DROP ROLE nobody_much")
    assert "cannot be read" in caplog.text


def test_a_run_on_a_terminal_shows_progress_and_leaves_whole_lines(sample: Database) -> None:
    told = run("--rehearse", "--noinput", "--no-color", terminal=True)
    assert told.code == 0
    assert "Applying orders.0002_hierarchy" in told.err
    left = [line.split("\r")[-1] for line in told.err.split("\n")]
    assert [line for line in left if line.startswith("Step 6 of 10: Migrating: ")]
    assert not [line for line in left if line.startswith("Applying")]


def test_no_progress_where_there_is_no_terminal(sample: Database) -> None:
    assert "\r" not in run("--rehearse", "--noinput").err


def test_the_backup_before_a_way_back_knows_how_many_rows_there_are(
    sample: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_into(tmp_path)
    caplog.set_level("DEBUG", "contacts.restructuring")
    assert run_into(tmp_path, "--rollback").code == 0
    told = [vars(record) for record in caplog.records if vars(record).get("kind") == "progress"]
    rows = {"tenants": 5, "companies": 30, "contacts": 150, "orders": 600, "addresses": 0}
    read_back = {f"{table}, read back": number for table, number in rows.items()}
    assert {record["text"]: record["total"] for record in told} == {**rows, **read_back}


def test_rows_that_are_all_there_leave_the_terminal_to_the_step() -> None:
    screen = Terminal()
    progress = Progress(screen, "default")
    progress.hear(Event("begin", "backup", "Backing up the tables"))
    progress.hear(Event("progress", "backup", "orders", rows=500, total=1000))
    progress.hear(Event("progress", "backup", "orders", rows=1000, total=1000))
    progress.hear(Event("progress", "backup", "addresses", rows=0, total=0))
    drawn = screen.getvalue()
    progress.close()
    assert "addresses" not in drawn
    assert drawn.split("\r")[-1].startswith("Backing up the tables")
