"""What a view cannot do: the documentation lists it, and here it is held to be true."""

from collections.abc import Iterator
from io import StringIO

import psycopg2
import pytest
from psycopg2 import extensions

from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill
from tests.support.runs.bridge import make_bridge, rows, session


@pytest.fixture
def application(migrated: Database) -> Iterator[extensions.connection]:
    fill(migrated)
    make_bridge()
    with session(migrated) as opened:
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE customers",
        "TRUNCATE orders",
        "CREATE TABLE notes (customer_id integer REFERENCES customers (id))",
        "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'x', 'x@x.example') "
        "ON CONFLICT (id) DO NOTHING",
        "COPY orders (tenant_id, order_number) FROM STDIN",
        "COPY customers TO STDOUT",
        "SELECT nextval('customers_id_seq')",
        "ALTER TABLE customers ADD COLUMN x integer",
        "CREATE INDEX ON customers (name)",
    ],
)
def test_a_view_refuses(application: extensions.connection, statement: str) -> None:
    with pytest.raises(psycopg2.Error):
        attempt(application, statement)


def attempt(application: extensions.connection, statement: str) -> None:
    if statement.startswith("COPY"):
        application.cursor().copy_expert(statement, StringIO("1\tA-1\n"))
    else:
        rows(application, statement)


def test_a_concurrent_change_of_the_same_column_wins_over_an_earlier_one(
    migrated: Database, application: extensions.connection
) -> None:
    """An expression is computed of the row as it was read: SELECT ... FOR UPDATE first is right."""
    with session(migrated) as other:
        rows(other, "SELECT name FROM customers WHERE id = 11 FOR UPDATE")
        rows(other, "UPDATE customers SET name = name || ' B.' WHERE id = 11")
        other.commit()
        rows(application, "SELECT name FROM customers WHERE id = 11 FOR UPDATE")
        rows(application, "UPDATE customers SET name = name || ' C.' WHERE id = 11")
        application.commit()
    assert migrated.value("SELECT name FROM contacts WHERE id = 11") == "Ada B. C."
