"""What else can be wrong around a run: disk, server, role, password, and who writes meanwhile."""

import contextlib
import gzip
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from jmsk.database_url import parse_database_url
from jmsk.embedded import binaries
from tests.support.aftermath import assert_no_locks_left, half_backups, remember, state
from tests.support.command import Result, run_child, start
from tests.support.databases import Database, Server
from tests.support.own_servers import OwnServer, own_server, version_of_run
from tests.support.proxy import cut_off
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def own(server: Server, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    """A server of the test's own beside the run's."""
    with django_db_blocker.unblock(), own_server() as started_here:
        yield started_here


@pytest.fixture
def role(sample: Database) -> Iterator[str]:
    """A role without any rights."""
    name = f"guest_of_{sample.name}"
    sample.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    sample.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def assert_refused(done: Result, *told: str) -> None:
    """It ended in one clear message."""
    assert done.code == 1, done.output
    assert "Traceback" not in done.output
    for words in told:
        assert words in done.err, done.output


SMALL_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))
"""


def test_a_limit_on_the_size_of_files_stops_the_backup_before_anything_is_changed(
    sample: Database, tmp_path: Path
) -> None:
    before = remember(sample)
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=SMALL_FILES)
    assert_refused(done, "The backup could not be written", "Nothing was changed", "--backup-dir")
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
        assert_refused(done, "No space left on device", "Nothing was changed")
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
    assert_refused(done, "un again")
    own.start()
    assert state(database, before) == "legacy"


def test_who_writes_after_the_backup_makes_it_be_taken_again(
    sample: Database, tmp_path: Path
) -> None:
    with start(sample, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        sample.execute("UPDATE customers SET name = 'Written Meanwhile' WHERE id = 3")
        before = remember(sample)
        begun.answer("yes")
        done = begun.end()
    assert done.code == 0, done.output
    assert "somebody wrote since the backup was taken" in done.err
    assert state(sample, before) == "migrated"
    first, second = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    (report,) = tmp_path.glob("migration_report_*.txt")
    told = report.read_text()
    assert "taken again under the lock, which kept readers and writers out" in " ".join(
        told.split()
    )
    assert str(second) in told
    names = [name_of_customer_3(folder) for folder in (first, second)]
    assert names[1] == "Written Meanwhile" != names[0]
    manifest = json.loads((second / "manifest.json").read_text())
    rows = {table["table"]: table["rows"] for table in manifest["tables"]}
    assert rows == {table: len(found) for table, found in before.rows.items()}


FAILS_LATE = """
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'no triggers here'; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER')
EXECUTE FUNCTION refuse();
"""


def test_a_run_that_fails_names_the_backup_that_holds_what_was_written_meanwhile(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute(FAILS_LATE)
    with start(sample, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        sample.execute("UPDATE customers SET name = 'Written Meanwhile' WHERE id = 3")
        begun.answer("yes")
        done = begun.end()
    assert done.code == 1
    assert "no triggers here" in done.error
    _, second = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert f"stays in {second}." in done.error
    assert name_of_customer_3(second) == "Written Meanwhile"


def name_of_customer_3(folder: Path) -> str:
    """Return a customer's name as a backup has it."""
    with gzip.open(folder / "customers.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return next(str(row["fields"]["name"]) for row in rows if row["pk"] == 3)


def test_who_writes_before_the_lock_with_skip_backup_is_kept(
    sample: Database, tmp_path: Path
) -> None:
    with start(sample, "--skip-backup", "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        sample.execute("UPDATE customers SET name = 'Written Meanwhile' WHERE id = 3")
        before = remember(sample)
        begun.answer("yes")
        done = begun.end()
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"


def test_a_table_that_was_changed_while_the_question_was_open_is_refused(
    sample: Database, tmp_path: Path
) -> None:
    with start(sample, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        sample.execute("ALTER TABLE customers ADD COLUMN nickname text")
        before = remember(sample)
        begun.answer("yes")
        done = begun.end()
    assert_refused(done, "changed while the question was open", "Run it again")
    assert state(sample, before) == "legacy"


@pytest.mark.parametrize(
    "rights", ["", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"], ids=["none", "reads"]
)
def test_a_role_without_rights_is_refused_with_what_it_lacks(
    sample: Database, tmp_path: Path, role: str, rights: str
) -> None:
    before = remember(sample)
    if rights:
        sample.execute(rights.format(role=role))
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--noinput", "--backup-dir", str(tmp_path))
    assert_refused(done, "Rights on the tables and their schema", "Nothing was changed")
    assert f"Role {role} is not a member of postgres, the owner of customers" in done.out
    sample.execute(f"DROP OWNED BY {role}")
    assert state(sample, before) == "legacy"


def test_what_fails_between_the_steps_is_placed_too(sample: Database, tmp_path: Path) -> None:
    before = remember(sample)
    program = """
import contacts.restructuring.database.transaction as transaction
transaction.guard_sequences = lambda cursor: cursor.execute("SELECT 1 / 0")
"""
    done = run_child(sample, "--noinput", "--backup-dir", str(tmp_path), program=program)
    assert_refused(done, "at the step 'transaction' (division by zero)", "rolled back")
    assert state(sample, before) == "legacy"


def test_a_role_that_may_not_read_the_record_is_told_what_to_grant(
    sample: Database, tmp_path: Path, role: str
) -> None:
    sample.execute("CREATE TABLE django_migrations (id int, app text, name text, applied date)")
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--dry-run", "--backup-dir", str(tmp_path))
    assert_refused(
        done, "[MC110]", "may not read django_migrations", "GRANT", "Nothing was changed"
    )


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
    assert_refused(done, "0002_hierarchy' (no space left. Make room)", "rolled back")
    assert "array" not in done.err
    sample.execute("DROP EVENT TRIGGER run_out; DROP FUNCTION run_out")
    assert state(sample, before) == "legacy"


def test_a_role_that_may_not_use_the_schema_is_told_so(
    sample: Database, tmp_path: Path, role: str
) -> None:
    sample.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--dry-run", "--backup-dir", str(tmp_path))
    assert_refused(done, "Rights on the tables and their schema")
    assert f"Role {role} may not use schema public" in done.out


def test_a_password_that_is_not_given_or_wrong_is_told_without_it(
    own: OwnServer, tmp_path: Path
) -> None:
    database = own.database("sample")
    database.execute("CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'the right one'")
    assert own.running is not None
    rules = own.running.location.data / "pg_hba.conf"
    rules.write_text(f"local all clerk scram-sha-256\n{rules.read_text()}")
    database.execute("SELECT pg_reload_conf()")
    options = ("--noinput", "--backup-dir", str(tmp_path))
    clerk = {**database.settings, "USER": "clerk"}

    def refused(password: str) -> bool:
        done = run_child(Database(database.name, {**clerk, "PASSWORD": password}), *options)
        return done.code == 1 and "The database cannot be reached" in done.error

    wait_until(lambda: refused(""), 20)
    for password, told in (
        ("", "no password supplied"),
        ("guessed s3cret", "authentication failed"),
    ):
        done = run_child(Database(database.name, {**clerk, "PASSWORD": password}), *options)
        assert_refused(done, "The database cannot be reached", told, "DATABASE_URL")
        assert not password or "s3cret" not in done.output
    right = Database(database.name, {**clerk, "PASSWORD": "the right one"})
    done = run_child(right, *options)
    assert done.code == 0, done.output
    assert "the right one" not in done.output
    for report in tmp_path.glob("migration_report_*"):
        assert "the right one" not in report.read_text()


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
        assert_refused(done, "The server accepts writes")
        assert "The server is a standby" in done.out
    assert_no_locks_left(replica)
