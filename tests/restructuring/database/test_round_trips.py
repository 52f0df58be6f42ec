"""Under the switch's locks, what has no answer is sent together with what has one."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from contacts.restructuring.database.round_trips import Batch, batched
from tests.support.database.databases import Database
from tests.support.runs.command import run_into
from tests.support.runs.preparation import prepare_whole

MOST_UNDER_THE_LOCK = 165
"""Messages to the server from the first lock to COMMIT, whatever the number of rows."""


def test_what_has_no_answer_is_sent_with_the_next_that_has(empty: Database) -> None:
    with transaction.atomic(), connection.cursor() as cursor, batched(connection) as batch:
        cursor.execute("CREATE TABLE things (id integer, name text)")
        cursor.execute("ALTER TABLE things RENAME COLUMN name TO called")
        assert batch.sent == 0
        cursor.execute("INSERT INTO things VALUES (%s, '100%% ; done') RETURNING called", [7])
        assert cursor.fetchone() == ("100% ; done",)
        assert batch.sent == 1
        cursor.execute("COMMENT ON TABLE things IS '%'")

    assert empty.value("SELECT obj_description('things'::regclass)") == "%"


def test_what_still_waits_is_sent_before_commit(empty: Database) -> None:
    with transaction.atomic(), connection.cursor() as cursor, batched(connection) as batch:
        cursor.execute("CREATE TABLE things (id integer)")

    assert batch.sent == 1
    assert not connection.execute_wrappers
    assert empty.value("SELECT to_regclass('things') IS NOT NULL")


def test_an_error_among_what_waited_is_raised_and_undone_to_its_savepoint(empty: Database) -> None:
    with transaction.atomic(), connection.cursor() as cursor, batched(connection):
        with pytest.raises(ProgrammingError, match="no_such_table"):
            fail_within_a_savepoint(cursor)
        cursor.execute("SELECT to_regclass('things')")
        assert cursor.fetchone() == (None,)


def fail_within_a_savepoint(cursor: Any) -> None:
    """Make a table, then alter one that is not there: an answer is asked for afterwards only."""
    with transaction.atomic():
        cursor.execute("CREATE TABLE things (id integer)")
        cursor.execute("ALTER TABLE no_such_table ADD COLUMN id integer")
        cursor.execute("SELECT 1")


def test_many_rows_at_once_come_after_what_waited(empty: Database) -> None:
    with transaction.atomic(), connection.cursor() as cursor, batched(connection):
        cursor.execute("CREATE TABLE things (id integer)")
        cursor.executemany("INSERT INTO things VALUES (%s)", [(1,), (2,)])

    assert empty.value("SELECT count(*) FROM things") == 2


def test_switch_needs_few_round_trips_under_its_locks(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_whole()
    seen: list[Batch] = []
    usual = Batch.__init__

    def remember(self: Batch, *arguments: Any, **named: Any) -> None:
        usual(self, *arguments, **named)
        seen.append(self)

    monkeypatch.setattr(Batch, "__init__", remember)

    done = run_into(tmp_path, "--rehearse", "--noinput")

    assert (done.code, done.error) == (0, ""), done
    (batch,) = seen
    assert batch.sent <= MOST_UNDER_THE_LOCK
    assert re.search(r"locked out: \d", done.output)
