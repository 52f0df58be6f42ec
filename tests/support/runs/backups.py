"""Backups and restores for tests, without the command around them."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from contacts.restructuring.backup.manifest import Backup
from contacts.restructuring.backup.writer import write_backup
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.reading import reading_snapshot
from contacts.restructuring.database.settings import TEXT, set_local, use_schema
from contacts.restructuring.restore.rows import Restored, restore_rows
from contacts.restructuring.state.expected import LEGACY_STATE
from tests.support.database.databases import Database

STAMP = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
TABLES = ("tenants", "companies", "customers", "orders")

UNMODELLED = r"""
ALTER TABLE orders
    ADD COLUMN tags text[], ADD COLUMN raw bytea, ADD COLUMN plain json, ADD COLUMN packed jsonb,
    ADD COLUMN big bigint, ADD COLUMN span interval, ADD COLUMN amount numeric,
    ADD COLUMN padded char(5), ADD COLUMN twice integer GENERATED ALWAYS AS (id % 7) STORED,
    ADD COLUMN "odd ""name\" text, ADD COLUMN moment timestamptz, ADD COLUMN pair point[];
INSERT INTO tenants (id, name, subdomain) VALUES (900, 'unmodelled', 'unmodelled');
INSERT INTO orders (id, tenant_id, order_number, customer_name, tags, raw, plain, packed, big, span,
                    amount, padded, "odd ""name\", moment, pair) VALUES
    (901, 900, 'U-1', '', '{}', '', 'null', 'null', 9223372036854775807, '1 mon -2 days 03:04:05.6',
     'NaN', '', '', 'infinity', '{}'),
    (902, 900, 'U-2', '', ARRAY['a,b', NULL, 'NULL', E'q"\\u2028 ' || chr(8232)], '\x00ff27',
     '{"a" : 1,  "a": 2}', '{"a": null}', -9007199254740993, '-1 year', 1.2300, 'ab', E'\x01\t\\',
     '0044-03-15 12:00:00+00 BC', ARRAY['(-0,1e-300)'::point]),
    (903, 900, 'U-3', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""
"""Drift: columns of types that Django does not model, with values that are easily lost."""

MANY_ORDERS = """
INSERT INTO orders (tenant_id, order_number, customer_name, product_description)
SELECT 1, 'MANY-' || i, md5(i::text), repeat(md5((i * 7)::text), {repeat})
  FROM generate_series(1, {number}) AS i
"""


def back_up(directory: Path, **options: Any) -> Backup:
    """Back up the database that Django is pointed at."""
    snapshot = reading_snapshot(connection, read_layout(connection))
    return write_backup(snapshot, directory, STAMP, **options)


@contextmanager
def open_run() -> Iterator[Any]:
    """A transaction as the command opens one: its cursor."""
    with transaction.atomic(), connection.cursor() as cursor:
        use_schema(cursor, read_layout(connection).schema)
        set_local(cursor, TEXT)
        yield cursor


def restore(backup: Backup) -> tuple[Restored, ...]:
    """Restore ``backup`` and commit."""
    with open_run() as cursor:
        return restore_rows(cursor, read_layout(connection), backup)


def lines(backup: Backup, table: str) -> list[dict[str, Any]]:
    """The objects in a table's file."""
    with gzip.open(backup.path / f"{table}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def contents(database: Database, *tables: str) -> dict[str, list[str]]:
    """The rows of the tables, every bit of them, in an order that does not depend on the disk."""
    settings = (
        "SET extra_float_digits = 3; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; "
        "SET bytea_output = 'hex'; SET IntervalStyle = 'postgres';"
    )
    return {
        table: sorted(
            row for (row,) in database.fetch(f"{settings} SELECT t::text FROM {table} AS t")
        )
        for table in tables or TABLES
    }


def legacy_apps() -> Any:
    """The historical models of the legacy schema."""
    return MigrationLoader(connection).project_state(LEGACY_STATE).apps


def ordered(dump: str) -> list[str]:
    """A dump whose rows may lie in another order."""
    return sorted(dump.splitlines())
