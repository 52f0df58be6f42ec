"""The legacy tables read as they were: rows, columns, their order, types, defaults and comments."""

from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.bridge.description import read_bridge
from tests.support.database.databases import Database
from tests.support.runs.bridge import make_bridge, rows, session, value
from tests.support.runs.command import assert_migrates

pytestmark = pytest.mark.slow

COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod),
           CASE attgenerated WHEN ''
           THEN replace(pg_get_expr(adbin, adrelid), 'contacts_id_seq', 'customers_id_seq') END,
           col_description(attrelid, attnum)
      FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
     WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
TABLES = ("customers", "orders")


def everything(database: Database) -> dict[str, object]:
    """Return all that an application reads of the two tables, without naming a column."""
    with session(database) as application:
        return {
            **{table: rows(application, f"SELECT * FROM {table} ORDER BY id") for table in TABLES},
            **{f"{table}'s columns": rows(application, COLUMNS, [table]) for table in TABLES},
            "comments": rows(
                application,
                "SELECT obj_description(to_regclass(name), 'pg_class') FROM unnest(%s) AS name",
                [list(TABLES)],
            ),
        }


DRIFT = """
    ALTER TABLE customers ALTER COLUMN email TYPE varchar(255),
        ADD COLUMN "Vip level" integer DEFAULT 3,
        ADD COLUMN initial text GENERATED ALWAYS AS (left(name, 1)) STORED,
        DROP COLUMN updated_at;
    ALTER TABLE customers ADD COLUMN updated_at timestamp DEFAULT now();
    ALTER TABLE orders ADD COLUMN note text;
    COMMENT ON TABLE customers IS 'Who buys';
    COMMENT ON COLUMN customers.email IS 'Where to write';
    COMMENT ON COLUMN orders.customer_id IS 'Who ordered';
"""


@pytest.mark.parametrize("drift", ["", DRIFT], ids=["as_expected", "drifted"])
def test_everything_reads_as_before(sample: Database, tmp_path: Path, drift: str) -> None:
    if drift:
        sample.execute(drift)
    before = everything(sample)
    assert_migrates(tmp_path)
    make_bridge()
    assert everything(sample) == before


def test_contacts_without_an_email_show_one_that_says_who_they_are(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    make_bridge()
    contact = sample.value(
        "INSERT INTO contacts (tenant_id, company_id, name) "
        "SELECT tenant_id, id, 'Ada' FROM companies ORDER BY id LIMIT 1 RETURNING id"
    )
    with session(sample) as application:
        query = "SELECT email FROM customers WHERE id = %s"
        assert value(application, query, [contact]) == f"contact-{contact}@no-email.invalid"
        assert value(application, "SELECT count(*) FROM customers WHERE email IS NULL") == 0


def test_emails_that_could_be_null_still_can(sample: Database, tmp_path: Path) -> None:
    sample.execute("ALTER TABLE customers ALTER COLUMN email DROP NOT NULL")
    sample.execute("UPDATE customers SET email = NULL WHERE id = 1")
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        assert value(application, "SELECT email FROM customers WHERE id = 1") is None
        rows(application, "UPDATE customers SET email = NULL WHERE id = 2")


def test_what_the_new_application_adds_is_no_part_of_the_views(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    sample.execute(
        "ALTER TABLE contacts ADD COLUMN title text; ALTER TABLE orders ADD COLUMN x int"
    )
    make_bridge()
    with session(sample) as application:
        for table in TABLES:
            names = {name for name, *_ in rows(application, COLUMNS, [table])}
            assert not names & {"title", "x", "placed_in_company_id", "email_set_aside"}


@pytest.mark.parametrize("column", ["email", "company_id"])
def test_a_lookup_by_what_the_view_computes_goes_by_an_index(
    sample: Database, tmp_path: Path, column: str
) -> None:
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        rows(application, "SET enable_seqscan = off")
        wanted = "'a@x.example'" if column == "email" else "7"
        plan = rows(application, f"EXPLAIN SELECT * FROM customers WHERE {column} = {wanted}")
        assert f"ix_bridge_{column}" in str(plan)


def test_a_bridge_is_found_by_what_it_is(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path)
    with connection.cursor() as cursor:
        assert read_bridge(cursor) is None
        made = make_bridge("old names")
        assert read_bridge(cursor) == made
    assert (made.schema, made.memory is not None) == ("old names", True)
    assert made.oids["customers"] is not None
    assert made.oids["orders"] is not None
