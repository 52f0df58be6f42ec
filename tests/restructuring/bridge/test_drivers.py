"""What each driver of an application asks of the views, in a session from before the migration."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from tests.support.database.databases import Database
from tests.support.runs.bridge import LEGACY_PATH
from tests.support.runs.command import assert_migrates

Run = Callable[[str], list[tuple[Any, ...]]]
ADDED = "INSERT INTO customers (tenant_id, name, email) VALUES (1, '{0}', '{0}@x.example')"


def connect(database: Database) -> Any:
    opened = psycopg2.connect(
        database.url, options=f"-c search_path={LEGACY_PATH.replace(' ', '')}"
    )
    opened.autocommit = False
    return opened


@contextmanager
def by_psycopg2(database: Database) -> Iterator[tuple[Any, Run]]:
    with closing(connect(database)) as opened, opened.cursor() as cursor:

        def run(statement: str) -> list[tuple[Any, ...]]:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield opened, run


@contextmanager
def by_sqlalchemy(database: Database) -> Iterator[tuple[Any, Run]]:
    engine = sqlalchemy.create_engine("postgresql+psycopg2://", creator=lambda: connect(database))
    with engine.connect() as opened:

        def run(statement: str) -> list[tuple[Any, ...]]:
            result = opened.execute(sqlalchemy.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

        yield opened, run
    engine.dispose()


@pytest.mark.parametrize("driver", [by_psycopg2, by_sqlalchemy])
def test_a_session_from_before_goes_on(sample: Database, tmp_path: Path, driver: Any) -> None:
    with driver(sample) as (opened, run):
        run("PREPARE named AS SELECT name FROM customers WHERE id = $1")
        run("PREPARE renamed AS UPDATE customers SET name = $2 WHERE id = $1 RETURNING name")
        ((before,),) = run("EXECUTE named (1)")
        opened.commit()

        assert_migrates(tmp_path, "--bridge")

        assert run("EXECUTE named (1)") == [(before,)]
        assert run("EXECUTE renamed (1, 'Renamed')") == [("Renamed",)]
        holds_a_lock(sample, run)
        returns_what_it_added(run)
        takes_a_refusal_back(run)
        copies(opened, run)
        opened.commit()
    assert sample.fetch(
        "SELECT name, placed_in_company_id IS NOT NULL FROM contacts "
        "WHERE id = 1 OR email LIKE '%@x.example' ORDER BY name"
    ) == [("Ada", True), ("Copied", True), ("Renamed", False)]


def holds_a_lock(database: Database, run: Run) -> None:
    assert len(run("SELECT id FROM customers WHERE id = 2 FOR UPDATE")) == 1
    assert len(run("SELECT id FROM orders WHERE customer_id IS NOT NULL LIMIT 1 FOR UPDATE")) == 1
    waits = "SELECT id FROM contacts WHERE id = 2 FOR UPDATE NOWAIT"
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        database.fetch(waits)


def returns_what_it_added(run: Run) -> None:
    ((key, company, email),) = run(f"{ADDED.format('Ada')} RETURNING id, company_id, email")
    assert (company, email) == (None, "Ada@x.example")
    order = "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name)"
    assert run(f"{order} VALUES (1, 'driver-1', {key}, 'Ada') RETURNING customer_id") == [(key,)]


def takes_a_refusal_back(run: Run) -> None:
    run("SAVEPOINT before")
    with pytest.raises((IntegrityError, psycopg2.IntegrityError)) as refused:
        run(ADDED.format("Ada"))
    told: Any = getattr(refused.value, "orig", refused.value)
    assert told.diag.constraint_name == "uq_customer_email_per_tenant"
    run("ROLLBACK TO SAVEPOINT before")


def copies(opened: Any, run: Run) -> None:
    raw: Any = opened.connection if isinstance(opened, sqlalchemy.Connection) else opened
    with raw.cursor() as cursor:
        rows = io.StringIO("1\tCopied\tcopied@x.example\n")
        cursor.copy_expert("COPY customers (tenant_id, name, email) FROM STDIN", rows)
        assert cursor.rowcount == 1
    assert len(run("SELECT 1 FROM customers WHERE name = 'Copied'")) == 1
