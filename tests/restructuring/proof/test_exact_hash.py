"""The quick hash of a run's proof sees every bit of a row, and depends on no setting."""

import pytest
from django.db import connection
from psycopg2 import sql
from psycopg2.errors import FeatureNotSupported

from contacts.restructuring.proof.exact_hash import take_exact_fingerprints
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.proof.legacy_meaning import Source
from tests.support.database.databases import Database

EQUAL_FOR_THE_SERVER = {
    "minus zero": ("float8", "'0'", "'-0'"),
    "minus zero, short": ("float4", "'0'", "'-0'"),
    "trailing zeros": ("numeric", "1.0", "1.00"),
    "a month of days": ("interval", "'1 month'", "'30 days'"),
    "a day of hours": ("interval", "'1 day'", "'24 hours'"),
    "order of keys": ("json", """'{"a": 1, "b": 2}'""", """'{"b": 2, "a": 1}'"""),
    "decimals in JSON": ("jsonb", "'1.0'", "'1.00'"),
    "a microsecond": ("timestamp", "'2020-01-01'", "'2020-01-01 00:00:00.000001'"),
    "halves of a bigint": ("bigint", "1", "4294967296"),
    "NULL and empty": ("text", "NULL", "''"),
    "an array's bounds": ("integer[]", "'{1,2}'", "'[2:3]={1,2}'"),
    "no time zone": ("timetz", "'12:00+00'", "'13:00+01'"),
}
EITHER_CASE = """
    CREATE COLLATION either_case
        (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE DOMAIN name_of_one AS text COLLATE either_case;
"""


def fingerprint() -> Fingerprint:
    source = Source("things", 0, "public", "things", {"value": sql.Identifier("value")})
    with connection.cursor() as cursor:
        return take_exact_fingerprints(cursor, [source])["things"]


@pytest.mark.parametrize("case", EQUAL_FOR_THE_SERVER)
def test_values_that_the_server_holds_for_equal_have_different_hashes(
    empty: Database, case: str
) -> None:
    kind, one, other = EQUAL_FOR_THE_SERVER[case]
    empty.execute(f"CREATE TABLE things (value {kind}); INSERT INTO things VALUES ({one})")
    before = fingerprint()
    assert fingerprint() == before

    empty.execute(f"UPDATE things SET value = {other}")

    assert fingerprint().rows == before.rows == 1
    assert fingerprint().digest != before.digest


@pytest.mark.parametrize("kind", ["text COLLATE either_case", "name_of_one"])
def test_letters_of_another_case_have_different_hashes(empty: Database, kind: str) -> None:
    try:
        empty.execute(EITHER_CASE)
    except FeatureNotSupported:
        pytest.skip("this server was built without ICU, which alone has such collations")
    empty.execute(f"CREATE TABLE things (value {kind}); INSERT INTO things VALUES ('a')")
    before = fingerprint()

    empty.execute("UPDATE things SET value = 'A'")

    assert fingerprint().digest != before.digest


def test_swapped_values_and_equal_rows_do_not_cancel_each_other(empty: Database) -> None:
    """The server's own hash of a record is linear: summed, a swap would change nothing."""
    empty.execute(
        "CREATE TABLE things (value integer, other integer);"
        "INSERT INTO things VALUES (1, 2), (1, 2), (3, 4), (5, 2)"
    )
    both = {name: sql.Identifier(name) for name in ("value", "other")}
    source = Source("things", 0, "public", "things", both)
    with connection.cursor() as cursor:
        first = take_exact_fingerprints(cursor, [source])
        cursor.execute("UPDATE things SET other = 6 - other WHERE value IN (3, 5)")
        swapped = take_exact_fingerprints(cursor, [source])
        cursor.execute("UPDATE things SET value = 7 WHERE value = 1")
        twins = take_exact_fingerprints(cursor, [source])
    assert len({found["things"].digest for found in (first, swapped, twins)}) == 3


@pytest.mark.parametrize(
    "setting", ["extra_float_digits = -5", "DateStyle = 'German'", "bytea_output = 'escape'"]
)
def test_settings_of_a_session_change_nothing(empty: Database, setting: str) -> None:
    empty.execute(
        "CREATE TABLE things (value float8, day date, bytes bytea);"
        "INSERT INTO things VALUES (0.1 + 0.2, '2020-02-01', '\\x00ff')"
    )
    columns = {name: sql.Identifier(name) for name in ("value", "day", "bytes")}
    source = Source("things", 0, "public", "things", columns)
    with connection.cursor() as cursor:
        before = take_exact_fingerprints(cursor, [source])
        cursor.execute(f"SET {setting}")
        assert take_exact_fingerprints(cursor, [source]) == before
