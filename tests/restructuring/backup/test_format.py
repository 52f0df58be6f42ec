"""The files of a backup: dumpdata's format, and nothing lost that dumpdata would lose."""

import contextlib
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.restructuring.backup.reader import read_backup
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.runs.backups import (
    TABLES,
    UNMODELLED,
    back_up,
    contents,
    legacy_apps,
    lines,
    restore,
)

MODELS = {
    "tenants": "companies.tenant",
    "companies": "companies.company",
    "customers": "contacts.customer",
    "orders": "orders.order",
}
EMPTY_TABLES = "TRUNCATE tenants, companies, customers, orders, users, shipments CASCADE"
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}Z")


def dumped(table: str) -> list[dict[str, Any]]:
    """What Django's own dumpdata prints of a table."""
    model = legacy_apps().get_model(MODELS[table])
    text = serializers.serialize("jsonl", model.objects.order_by("pk"))
    return [json.loads(line) for line in text.split("\n") if line]


def as_django_cuts(value: Any) -> Any:
    """A line with its timestamps cut to milliseconds, as Django's encoder cuts them."""
    if isinstance(value, dict):
        return {key: as_django_cuts(item) for key, item in value.items()}
    return MOMENT.sub(r"\1Z", value) if isinstance(value, str) else value


@pytest.mark.parametrize("table", TABLES)
def test_the_lines_are_those_of_dumpdata(sample: Database, tmp_path: Path, table: str) -> None:
    sample.execute(
        "UPDATE customers SET name = %s, phone = '', created_at = '2024-01-02 03:04:05.12' "
        "WHERE id %% 3 = 0",
        ["\u2028\u0085\"'\\\n\t\x01\x7f😀é%s{0}"],
    )
    sample.execute("UPDATE orders SET price = 0.1, quantity = NULL WHERE id % 3 = 0")
    sample.execute("UPDATE orders SET price = 1e-307, due_date = '9999-12-31' WHERE id % 3 = 1")
    sample.execute("UPDATE tenants SET is_active = NULL, created_at = '0001-01-01' WHERE id = 1")
    found = sorted(lines(back_up(tmp_path), table), key=lambda line: line["pk"])
    assert [as_django_cuts(line) for line in found] == dumped(table)


@pytest.mark.parametrize("table", TABLES)
def test_djangos_deserializer_loads_them(
    sample: Database, tmp_path: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample.execute("UPDATE companies SET name = id || chr(8232) || chr(133) || chr(8233)")
    backup = back_up(tmp_path)
    apps = legacy_apps()
    monkeypatch.setattr("django.core.serializers.python.apps", apps)
    # As one string, which Django splits at every character that Python takes for the end of a line.
    text = gzip.decompress((backup.path / f"{table}.jsonl.gz").read_bytes()).decode()
    loaded = {item.object.pk: item.object for item in serializers.deserialize("jsonl", text)}
    model = apps.get_model(MODELS[table])
    stored = list(model.objects.all())
    assert stored
    assert len(loaded) == len(stored)
    names = [field.attname for field in model._meta.concrete_fields]
    for row in stored:
        there = loaded[row.pk]
        assert [getattr(there, name) for name in names] == [getattr(row, name) for name in names]


def test_awkward_lines_load_too(
    legacy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.run_script(UNMODELLED)
    backup = back_up(tmp_path)
    monkeypatch.setattr("django.core.serializers.python.apps", legacy_apps())
    for table in TABLES:
        with gzip.open(backup.path / f"{table}.jsonl.gz") as file:
            loaded = list(serializers.deserialize("jsonl", file))
        assert len(loaded) == backup.rows[table]


def test_what_django_cannot_hold_stands_under_extra(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.execute("UPDATE orders SET price = '-0' WHERE id = 2")
    by_key = {line["pk"]: line for line in lines(back_up(tmp_path), "orders")}
    assert by_key[1]["extra"] == {
        "price": "NaN",
        "target_weight_per_piece": "Infinity",
        "initial_total_weight": "-Infinity",
    }
    assert by_key[1]["fields"]["price"] is None
    assert by_key[1]["fields"]["created_at"] == "2021-06-01T12:00:00.000001Z"
    assert by_key[2]["extra"] == {
        "price": "-0",
        "due_date": "infinity",
        "updated_at": "-infinity",
    }
    assert str(by_key[2]["fields"]["price"]) == "-0.0"
    assert by_key[2]["fields"]["initial_total_weight"] == 1.7976931348623157e308
    assert "extra" not in by_key[3]
    tenants = {line["pk"]: line for line in lines(back_up(tmp_path), "tenants")}
    assert tenants[4]["extra"] == {
        "created_at": "0001-01-01 00:00:00 BC",
        "updated_at": "294276-12-31 23:59:59.999999",
    }


def test_unmodelled_columns_always_stand_under_extra(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(UNMODELLED)
    backup = back_up(tmp_path)
    by_key = {line["pk"]: line["extra"] for line in lines(backup, "orders")}
    assert by_key[901]["plain"] == by_key[901]["packed"] == "null"
    assert by_key[901]["tags"] == "{}"
    assert by_key[901]["raw"] == "\\x"
    assert by_key[901]["big"] == "9223372036854775807"
    assert by_key[901]["padded"] == "     "
    assert by_key[902]["amount"] == "1.2300"
    assert by_key[902]["plain"] == '{"a" : 1,  "a": 2}'
    assert by_key[902]['odd "name\\'] == "\x01\t\\"
    assert set(by_key[903].values()) == {None}
    assert "twice" not in by_key[901]
    (orders,) = (table for table in backup.manifest.tables if table.table == "orders")
    assert [column.name for column in orders.columns if column.generated] == ["twice"]


def test_awkward_rows_come_back_bit_for_bit(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.run_script(UNMODELLED)
    legacy.execute("UPDATE orders SET price = '-0' WHERE id = 2")
    before = contents(legacy)
    backup = read_backup(back_up(tmp_path).path)
    legacy.execute(EMPTY_TABLES)
    restore(backup)
    assert contents(legacy) == before


def test_drifted_types_come_back_bit_for_bit(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.run_script("""
        CREATE DOMAIN short AS varchar(20);
        ALTER TABLE orders
            ALTER price TYPE numeric USING nullif(price, 'NaN')::numeric / 3,
            ALTER status DROP DEFAULT, ALTER status TYPE varchar, ALTER quantity TYPE bigint,
            ALTER target_weight_per_piece TYPE real USING (id / 3.0)::real,
            ALTER created_at TYPE timestamptz, ALTER due_date TYPE date USING due_date::date;
        ALTER TABLE tenants
            ALTER is_active DROP DEFAULT, ALTER is_active TYPE integer USING is_active::int * 7;
        ALTER TABLE customers ALTER phone TYPE char(20), ALTER name TYPE json USING to_json(name);
        ALTER TABLE orders ALTER customer_phone TYPE short;
        UPDATE orders SET quantity = 9007199254740993 WHERE id = 1;
        UPDATE orders SET price = 'Infinity' WHERE id = 2;
        UPDATE orders SET price = 1e400 WHERE id = 3;
    """)
    before = contents(legacy)
    backup = read_backup(back_up(tmp_path).path)
    for line in lines(backup, "orders"):
        assert line["extra"].keys() >= {"price", "due_date"}
    legacy.execute(EMPTY_TABLES)
    restore(backup)
    assert contents(legacy) == before


def test_the_roles_settings_make_no_difference(legacy: Database, tmp_path: Path) -> None:
    legacy.run_script(awkward.ROWS)
    legacy.run_script(UNMODELLED)
    first = back_up(tmp_path).manifest
    for name, value in {
        "extra_float_digits": "-15",
        "DateStyle": "'SQL, DMY'",
        "TimeZone": "'Asia/Kolkata'",
        "IntervalStyle": "'iso_8601'",
        "bytea_output": "'escape'",
    }.items():
        legacy.execute(f'ALTER DATABASE "{legacy.name}" SET {name} = {value}')
    connection.close()
    second = back_up(tmp_path).manifest
    for then, now in zip(first.tables, second.tables, strict=True):
        assert (then.content_sha256, then.fingerprint) == (now.content_sha256, now.fingerprint)


def test_a_table_of_many_columns_fits_into_a_line(legacy: Database, tmp_path: Path) -> None:
    names = [f"extra_{number}" for number in range(150)]
    legacy.execute("ALTER TABLE tenants " + ", ".join(f"ADD {name} integer" for name in names))
    legacy.execute("INSERT INTO tenants (name, subdomain, extra_149) VALUES ('many', 'many', 5)")
    before = contents(legacy)
    backup = back_up(tmp_path)
    (line,) = lines(backup, "tenants")
    assert line["extra"] == dict.fromkeys(names) | {"extra_149": "5"}
    legacy.execute("DELETE FROM tenants")
    restore(backup)
    assert contents(legacy) == before


def test_a_migrated_database_is_written_with_its_own_models(
    migrated: Database, tmp_path: Path
) -> None:
    migrated.execute("INSERT INTO tenants (name, subdomain) VALUES ('a', 'a')")
    migrated.execute("INSERT INTO companies (tenant_id, name) VALUES (1, 'b')")
    migrated.execute("INSERT INTO contacts (tenant_id, name, company_id) VALUES (1, 'c', 1)")
    backup = back_up(tmp_path)
    assert set(backup.rows) == {"tenants", "companies", "contacts", "orders", "addresses"}
    (line,) = lines(backup, "contacts")
    assert line["model"] == "contacts.contact"
    assert line["fields"]["company"] == 1
    assert "extra" not in line


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
FLOATS = st.floats() | st.sampled_from([-0.0, 5e-324, 1e22, 1e23, 0.1 + 0.2])
MICROSECONDS = st.integers(-210_000_000_000_000_000, 9_000_000_000_000_000_000 // 1000)
ROWS = st.lists(st.tuples(TEXTS, TEXTS | st.none(), FLOATS | st.none(), MICROSECONDS), max_size=8)

INSERT = """
    INSERT INTO orders (tenant_id, order_number, customer_name, specifications, price, due_date)
    VALUES (1, %s, %s, %s, %s, 'epoch'::timestamp + %s * interval '1 microsecond')
"""


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_row_comes_back_bit_for_bit(
    legacy: Database, tmp_path: Path, rows: list[tuple[str, str | None, float | None, int]]
) -> None:
    with contextlib.closing(legacy.connect()) as session, session.cursor() as cursor:
        cursor.execute("DELETE FROM orders; DELETE FROM tenants")
        cursor.execute("INSERT INTO tenants (id, name, subdomain) VALUES (1, '', '')")
        cursor.executemany(INSERT, [(number, *row) for number, row in enumerate(rows)])
        before = contents(legacy)
        backup = back_up(tmp_path)
        cursor.execute("DELETE FROM orders")
        restore(backup)
        assert contents(legacy) == before
