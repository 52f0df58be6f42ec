"""Statements with parts: what is quoted, what stands as it is, and what a query gives."""

import pytest
from django.db import connection
from psycopg2 import sql

from jmsk.postgres.queries import column, compose, execute, is_there, listed, row, spelled, value
from tests.support.database.databases import Database

ODD = 'o"d d'
"""A name that has to be quoted, quotes included."""


@pytest.fixture
def odd(sample: Database) -> Database:
    """A table of an odd name in a schema of that name, with the rows 1 and 2."""
    with connection.cursor() as cursor:
        execute(cursor, "CREATE SCHEMA {}", ODD)
        execute(cursor, "CREATE TABLE {table} AS SELECT 1 AS {name}", table=(ODD, ODD), name=ODD)
        execute(cursor, "INSERT INTO {} VALUES ({})", (ODD, ODD), sql.Literal(2))
    return sample


def test_a_name_is_quoted_and_sql_stands_as_it_is(odd: Database) -> None:
    two = sql.SQL("1 + 1")
    query = compose("SELECT {0}, {two} FROM {of} ORDER BY {0}", ODD, two=two, of=(ODD, ODD))
    with connection.cursor() as cursor:
        assert spelled(cursor, (ODD, ODD)) == '"o""d d"."o""d d"'
        assert row(cursor, query) == (1, 2)
        assert column(cursor, query) == [1, 2]
        assert value(cursor, query) == 1


def test_a_list_may_have_another_separator(odd: Database) -> None:
    with connection.cursor() as cursor:
        assert spelled(cursor, listed(["a", ("b", "c")])) == '"a", "b"."c"'
        conditions = listed([compose("{} > 1", ODD), compose("{} < 3", ODD)], " AND ")
        query = compose("SELECT {} FROM {} WHERE {}", ODD, (ODD, ODD), conditions)
        assert column(cursor, query) == [2]


def test_what_is_there_is_asked_for_as_sql_spells_it(odd: Database) -> None:
    with connection.cursor() as cursor:
        assert is_there(cursor, spelled(cursor, (ODD, ODD)))
        assert not is_there(cursor, "no_such_table")
