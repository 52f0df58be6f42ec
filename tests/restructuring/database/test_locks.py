"""One run at a time; who is in the way is waited for, named, and left alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import extensions

from tests.support.database.databases import Database
from tests.support.runs.aftermath import assert_no_locks_left, locks, remember, state
from tests.support.runs.command import run, run_child, start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

OURS = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
"""pg_locks tells of the whole server, where other tests are at work too."""


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))


HASTY = ("--lock-timeout", "0.2", "--lock-tries", "2")
"""Give up soon."""


@pytest.fixture
def role(sample: Database) -> Iterator[str]:
    """A role of its own that owns everything in the sample, and is no superuser."""
    name = f"owner_of_{sample.name}"
    sample.execute(
        f"CREATE ROLE {name} LOGIN; ALTER DATABASE {sample.name} OWNER TO {name};"
        f"ALTER SCHEMA public OWNER TO {name}"
    )
    for kind, found in (
        ("TABLE", "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                  " AND relkind = 'r'"),
        ("TYPE", "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
                 " AND typtype = 'e'"),
    ):  # fmt: skip
        for (item,) in sample.fetch(found):
            sample.execute(f"ALTER {kind} {item} OWNER TO {name}")
    yield name
    sample.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name]
    )
    sample.execute(
        f"ALTER DATABASE {sample.name} OWNER TO CURRENT_USER; "
        f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}"
    )


def as_role(database: Database, role: str) -> str:
    """Return the URL by which ``role`` connects."""
    return Database(database.name, {**database.settings, "USER": role}).url


@contextmanager
def session(
    database: Database, *statements: str, application: str = "till", url: str = ""
) -> Iterator[extensions.connection]:
    """Another program's session, in which ``statements`` were run."""
    connection = psycopg2.connect(url or database.url, application_name=application)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield connection
    finally:
        connection.close()


def commit(connection: extensions.connection) -> None:
    """Commit another session's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("COMMIT")


STANDS_STILL = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
def stand_still(*arguments):
    time.sleep(60)
PlannedMigrations.apply = stand_still
"""
AT_WORK = "Taking the fingerprint of every row: "
"""What a run says once it holds its locks."""


def test_a_second_run_is_refused_at_once_and_told_who_holds_the_first(
    sample: Database, options: tuple[str, ...]
) -> None:
    before = remember(sample)
    with start(sample, *options, program=STANDS_STILL) as first:
        first.wait_for(AT_WORK)
        with start(sample, *options) as second:
            done = second.end(20)
        holder = sample.value(f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND {OURS}")
    assert done.code == 1
    told = f"pid {holder}, user postgres, host {sample.seen_from}, application jmsk, since 20"
    assert told in done.error
    assert "Nothing was changed" in done.error
    assert_no_locks_left(sample)
    assert state(sample, before) == "legacy"


def test_who_may_not_look_is_refused_just_the_same(
    sample: Database, options: tuple[str, ...], role: str
) -> None:
    with (
        session(sample, "BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE"),
        start(sample, *options) as first,
    ):
        first.wait_for("try 1 of 12")
        second = run_child(as_role(sample, role), *options)
    assert second.code == 1
    assert "Traceback" not in second.output
    assert "Another run is at work" in second.error
    assert "user postgres" in second.error
    assert "hidden" in second.error


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("BEGIN; SELECT count(*) FROM customers", "query: BEGIN; SELECT count(*) FROM customers"),
        ("BEGIN; UPDATE orders SET price = price", "query: BEGIN; UPDATE orders SET price = price"),
    ],
    ids=["reader", "writer"],
)
def test_who_is_in_the_way_is_named_and_waited_for(
    sample: Database, options: tuple[str, ...], statement: str, what: str
) -> None:
    before = remember(sample)
    with (
        session(sample, statement) as other,
        start(sample, *options, "--lock-timeout", "0.3") as begun,
    ):
        begun.wait_for("try 2 of 12")
        pid = other.info.backend_pid
        commit(other)
        done = begun.end()
    assert done.code == 0, done.output
    waits = [line for line in done.err.splitlines() if " of 12: waiting for " in line]
    assert len(waits) >= 2
    for line in waits:
        assert f"pid {pid}, user postgres, application till, idle in transaction, since 20" in line
        assert what in line
    assert state(sample, before) == "migrated"


def test_when_the_patience_ends_nothing_is_changed_and_nobody_was_hurt(
    sample: Database, options: tuple[str, ...]
) -> None:
    with session(sample, "BEGIN; UPDATE tenants SET name = name WHERE id = 1") as other:
        done = run(*options, *HASTY)
        assert done.code == 1
        assert "could not be locked in 2 tries of 0.2 s" in done.error
        assert f"pid {other.info.backend_pid}" in done.error
        assert "Nothing was changed" in done.error
        mine = {other.info.backend_pid}
        wait_until(lambda: {pid for pid, *_ in locks(sample)} == mine)
        with other.cursor() as cursor:
            cursor.execute("UPDATE tenants SET name = 'still here' WHERE id = 1; COMMIT")
    assert sample.value("SELECT name FROM tenants WHERE id = 1") == "still here"
    assert sample.value("SELECT to_regclass('contacts') IS NULL AND to_regclass('orders') > 0")


def test_a_mere_reader_of_tenants_is_not_accused(
    sample: Database, options: tuple[str, ...]
) -> None:
    with (
        session(sample, "BEGIN; SELECT count(*) FROM tenants") as harmless,
        session(sample, "BEGIN; SELECT count(*) FROM orders") as guilty,
    ):
        done = run(*options, *HASTY)
        assert f"pid {guilty.info.backend_pid}," in done.error
        assert f"pid {harmless.info.backend_pid}," not in done.error


def test_the_shortest_timeout_is_not_read_as_none(
    sample: Database, options: tuple[str, ...]
) -> None:
    """PostgreSQL waits for ever where lock_timeout is 0."""
    with (
        session(sample, "BEGIN; SELECT count(*) FROM orders"),
        start(sample, *options, "--lock-timeout", "0.0001") as begun,
    ):
        begun.wait_for("try 2 of 12")


def test_a_hidden_query_says_what_to_ask_for(
    sample: Database, options: tuple[str, ...], role: str
) -> None:
    with (
        session(sample, "BEGIN; SELECT count(*) FROM orders") as other,
        start(as_role(sample, role), *options, "--lock-timeout", "0.2") as begun,
    ):
        begun.wait_for("try 1 of 12")
        pid = other.info.backend_pid
        commit(other)
        done = begun.end()
    assert done.code == 0, done.output
    assert f"pid {pid}, user postgres" in done.err
    assert "its query is hidden: ask for pg_monitor" in done.err


ROLE_SETTINGS = {
    "statement_timeout": "400ms",
    "idle_in_transaction_session_timeout": "400ms",
    "lock_timeout": "100ms",
    "transaction_timeout": "900ms",
    "default_transaction_isolation": "serializable",
}
SLOW_WORK = """
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from django.db import connection
migrate = PlannedMigrations.apply
def slow(*arguments):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6)")
    time.sleep(0.6)
    migrate(*arguments)
PlannedMigrations.apply = slow
"""


def test_the_roles_own_timeouts_do_not_cut_a_run(
    sample: Database, tmp_path: Path, options: tuple[str, ...], role: str
) -> None:
    before = remember(sample)
    known = {name for (name,) in sample.fetch("SELECT name FROM pg_settings")}
    for name, value in ROLE_SETTINGS.items():
        if name in known:
            sample.execute(f"ALTER ROLE {role} SET {name} = '{value}'")
    with (
        session(sample, "BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE") as other,
        start(as_role(sample, role), *options, program=SLOW_WORK) as begun,
    ):
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND "
            f"clock_timestamp() - waitstart > '300 ms' AND {OURS}"
        )
        wait_until(lambda: bool(sample.value(waiting)))
        commit(other)
        done = begun.end()
    assert done.code == 0, done.output
    assert state(sample, before) == "migrated"
    (path,) = tmp_path.glob("migration_report_*.txt")
    report = path.read_text()
    for line in (
        "statement_timeout: 0",
        "lock_timeout: 5s",
        "idle_in_transaction_session_timeout: 5min",
        "client_connection_check_interval: 10s",
        *(["transaction_timeout: 0"] if "transaction_timeout" in known else []),
    ):
        assert line in report


def test_a_vanished_client_does_not_hold_the_locks(
    sample: Database, options: tuple[str, ...]
) -> None:
    program = """
from contacts.restructuring.database import settings
settings.CHANGING["idle_in_transaction_session_timeout"] = "1s"
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
def stop(*arguments):
    os.kill(os.getpid(), signal.SIGSTOP)
PlannedMigrations.apply = stop
"""
    before = remember(sample)
    with start(sample, *options, program=program) as begun:
        begun.wait_for(AT_WORK)
        assert_no_locks_left(sample)
        assert state(sample, before) == "legacy"
