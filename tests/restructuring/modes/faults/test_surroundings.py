"""What else can be wrong around a run: disk, server, role, password, and who writes meanwhile."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler

from jmsk.database_url import parse_database_url
from jmsk.embedded import binaries
from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, half_backups, remember, state
from tests.support.runs.command import assert_clear_refusal, run_child, start
from tests.support.servers.own_servers import OwnServer, version_of_run
from tests.support.servers.proxy import cut_off
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


SMALL_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))
"""


def test_a_limit_on_the_size_of_files_stops_the_backup_before_anything_is_changed(
    sample: Database, tmp_path: Path
) -> None:
    before = remember(sample)
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=SMALL_FILES)
    assert_clear_refusal(
        done, "The backup could not be written", "Nothing was changed", "--backup-dir"
    )
    assert half_backups(tmp_path) == []
    assert state(sample, before) == "legacy"


def test_a_full_disk_stops_the_backup_before_anything_is_changed(
    sample: Database, tmp_path: Path
) -> None:
    before, disk = remember(sample), tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tiny disk takes root and the right to mount")
    try:
        done = run_child(sample, "--noinput", "--backup-dir", str(disk))
        assert_clear_refusal(done, "No space left on device", "Nothing was changed")
        assert list(disk.glob("**/*.gz")) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert state(sample, before) == "legacy"


def test_a_server_that_restarts_while_the_question_is_open_ends_in_a_clear_outcome(
    own: OwnServer, tmp_path: Path
) -> None:
    database = own.database("sample")
    before = remember(database)
    with start(database, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        own.stop_at_once()
        own.start()
        begun.answer("yes")
        done = begun.end()
    assert "Traceback" not in done.output
    assert state(database, before) == ("migrated" if done.code == 0 else "legacy")
    if done.code:
        assert "the database is as it was" in done.error
        assert "run again" in done.error
        again = run_child(database, "--noinput", "--backup-dir", str(tmp_path))
        assert again.code == 0, again.output


def test_a_server_that_is_gone_when_the_answer_comes_is_named(
    own: OwnServer, tmp_path: Path
) -> None:
    database = own.database("sample")
    before = remember(database)
    with start(database, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        own.stop_at_once()
        begun.answer("yes")
        done = begun.end()
    assert_clear_refusal(done, "un again")
    own.start()
    assert state(database, before) == "legacy"


def test_what_fails_between_the_steps_is_placed_too(sample: Database, tmp_path: Path) -> None:
    before = remember(sample)
    program = """
import contacts.restructuring.database.transaction as transaction
transaction.guard_sequences = lambda cursor: cursor.execute("SELECT 1 / 0")
"""
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert_clear_refusal(done, "at the step 'transaction' (division by zero)", "rolled back")
    assert state(sample, before) == "legacy"


def test_a_line_to_a_server_that_has_vanished_is_given_up(sample: Database) -> None:
    with cut_off(sample, "never said") as (_, url):
        connection = ConnectionHandler({"default": parse_database_url(url)})["default"]
        connection.ensure_connection()
        line = socket.socket(fileno=os.dup(connection.connection.fileno()))
        with contextlib.closing(connection), line:
            asked = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [line.getsockopt(socket.SOL_TCP, option) for option in asked] == [30, 10, 3]
            assert line.getsockopt(socket.SOL_TCP, socket.TCP_USER_TIMEOUT) == 60_000


NO_REWRITE = """
CREATE FUNCTION run_out() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left' USING HINT = 'Make room.'; END $$;
CREATE EVENT TRIGGER run_out ON table_rewrite EXECUTE FUNCTION run_out();
"""


def test_what_the_server_refuses_is_told_without_its_statement(
    sample: Database, tmp_path: Path
) -> None:
    before = remember(sample)
    sample.run_script(NO_REWRITE)
    done = run_child(sample, "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    assert_clear_refusal(done, "0002_hierarchy' (no space left. Make room)", "rolled back")
    assert "array" not in done.err
    sample.execute("DROP EVENT TRIGGER run_out; DROP FUNCTION run_out")
    assert state(sample, before) == "legacy"


@pytest.fixture
def replica(own: OwnServer) -> Iterator[Database]:
    """A hot standby of a server with the sample."""
    database = own.database("sample")
    assert own.running is not None
    place, home = own.running.location, own.running.location.server
    settings = {**database.settings, "PORT": "5433"}

    def start(*command: str) -> subprocess.Popen[bytes]:
        program, *arguments = command
        return subprocess.Popen(
            [place.installation / "bin" / program, *arguments],
            user=place.uid if os.geteuid() == 0 else None,
            group=place.gid if os.geteuid() == 0 else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    source = f"host={database.settings['HOST']} port={database.settings['PORT']} user=postgres"
    copy = start("pg_basebackup", "-R", "-c", "fast", "-D", f"{home}/standby", "-d", source)
    assert copy.wait(60) == 0
    standby = start("postgres", "-D", f"{home}/standby", "-k", str(own.running.socket), "-h", "",
                    "-p", "5433", "-c", "max_connections=40")  # fmt: skip
    try:
        here = Database(database.name, settings)
        wait_until(lambda: answers(here), 30)
        yield here
    finally:
        standby.terminate()
        standby.wait(30)


def answers(database: Database) -> bool:
    """Whether the server takes connections."""
    program = binaries.program("pg_isready", version_of_run())
    return subprocess.run([program, "-q", "-d", database.url], check=False).returncode == 0


def test_a_standby_is_refused(replica: Database, tmp_path: Path) -> None:
    for mode in ((), ("--rehearse",), ("--dry-run",)):
        done = run_child(replica, *mode, "--noinput", "--backup-dir", str(tmp_path))
        assert_clear_refusal(done, "The server accepts writes")
        assert "The server is a standby" in done.out
    assert_no_locks_left(replica)
