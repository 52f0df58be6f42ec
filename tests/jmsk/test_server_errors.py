"""What the server says of a refused row names keys at most, never the row."""

import pytest
from django.db import DatabaseError, connection, transaction

from jmsk.postgres.server_errors import server_words
from tests.support.database.databases import Database

SECRET = "Ada Lovelace 0123456789"
TABLE = f"""
CREATE TABLE people (id integer PRIMARY KEY, name text, phone text);
INSERT INTO people VALUES (1, '{SECRET}', NULL), (2, '{SECRET}', '0');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 5)
"""
REFUSED = {
    "a check": "ALTER TABLE people ADD CONSTRAINT c CHECK (length(phone) > 3)",
    "a check on a new row": (
        f"ALTER TABLE people ADD CHECK (id < 9); INSERT INTO people VALUES (9, '{SECRET}', '1')"
    ),
    "a NOT NULL": "ALTER TABLE people ALTER phone SET NOT NULL",
    "a NOT NULL on a row": "UPDATE people SET id = NULL",
    "a domain": "ALTER TABLE people ALTER name TYPE short",
    "a partition": (
        "CREATE TABLE parts (LIKE people) PARTITION BY LIST (id);"
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);"
        "INSERT INTO parts SELECT * FROM people"
    ),
    "a NOT NULL that is not valid": (
        "ALTER TABLE people ADD CONSTRAINT c NOT NULL phone NOT VALID;UPDATE people SET name = name"
    ),
}


def words_of(statement: str) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    return server_words(caught.value)


@pytest.mark.parametrize("what", REFUSED)
def test_no_value_of_a_row_is_told(empty: Database, what: str) -> None:
    if "NOT VALID" in REFUSED[what] and connection.cursor().connection.server_version < 180000:
        pytest.skip("PostgreSQL has such constraints from version 18 on")
    empty.execute(TABLE)
    told = words_of(REFUSED[what])
    assert "Ada" not in told
    assert "0123456789" not in told


def test_the_key_that_stands_twice_is_told(empty: Database) -> None:
    empty.execute(TABLE)
    told = words_of("INSERT INTO people VALUES (1)")
    assert "Key (id)=(1) already exists" in told
