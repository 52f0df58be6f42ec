"""Which foreign keys refer to a table."""

from django.db import connection

from jmsk.postgres.references import ForeignKey, foreign_keys_to, referred_rows
from tests.support.database.databases import Database

REFERRING = """
    ALTER TABLE orders ADD UNIQUE (order_number, tenant_id);
    CREATE SCHEMA "odd schema";
    CREATE TABLE "odd schema".notes (tenant integer, number varchar, CONSTRAINT both_of_them
        FOREIGN KEY (tenant, number) REFERENCES orders (tenant_id, order_number));
    CREATE TABLE parts (id integer, order_id integer CONSTRAINT of_order REFERENCES orders)
        PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
"""


def found(*names: str, partitions: bool = False) -> dict[str, ForeignKey]:
    oids = "SELECT to_regclass(name)::oid::bigint FROM unnest(%s::text[]) AS name"
    with connection.cursor() as cursor:
        cursor.execute(oids, [["orders", *names]])
        orders, *but_of = (oid for (oid,) in cursor.fetchall())
        keys = foreign_keys_to(cursor, [orders], but_of, partitions=partitions)
    return {key.table: key for key in keys}


def test_each_column_is_paired_with_the_one_it_refers_to(legacy: Database) -> None:
    legacy.run_script(REFERRING)
    key = found()["notes"]
    assert (key.name, key.schema, key.target) == ("both_of_them", "odd schema", "orders")
    assert key.columns == ("tenant", "number")
    assert key.target_columns == ("tenant_id", "order_number")
    assert key.index == "orders_order_number_tenant_id_key"


def test_a_partitioned_table_counts_once_unless_its_partitions_matter(legacy: Database) -> None:
    legacy.run_script(REFERRING)
    others = ("shipments", "manufacturing_steps")
    assert found(*others).keys() == {"notes", "parts"}
    assert found(*others, partitions=True).keys() == {"notes", "parts", "parts_1"}


def test_rows_are_referred_to_by_any_of_the_keys(legacy: Database) -> None:
    legacy.run_script(REFERRING)
    legacy.execute("""
        INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum');
        INSERT INTO orders (id, tenant_id, order_number, customer_name)
            SELECT i, 1, 'N-' || i, '' FROM generate_series(1, 4) AS i;
        INSERT INTO "odd schema".notes VALUES (1, 'N-1'), (1, NULL);
        INSERT INTO parts VALUES (1, 2), (2, 2);
        INSERT INTO shipments (tenant_id, order_id) VALUES (1, 3)""")
    with connection.cursor() as cursor:
        assert referred_rows(cursor, "orders", [1, 2, 3, 4, 5], {}) == [1, 2, 3]
        assert referred_rows(
            cursor, "orders", [2, 3, 4], but_for={"shipments": "order_id", "gone": "order_id"}
        ) == [2]
