"""What the catalogue says of indexes and constraints, and what is read from older records."""

from django.db import connection

from jmsk.postgres.catalogue import TableObject, Type, read_objects
from tests.support.database.databases import Database
from tests.support.database.versions import without_nulls_not_distinct

ZOO = """
    CREATE TABLE "other ""things" (a integer, "b c" integer, UNIQUE ("b c", a));
    CREATE SCHEMA crm CREATE TABLE orders (id integer PRIMARY KEY);
    ALTER TABLE orders ADD "odd ""name, (x)" integer,
        ADD FOREIGN KEY (quantity, "odd ""name, (x)") REFERENCES "other ""things" (a, "b c"),
        ADD FOREIGN KEY (quantity) REFERENCES crm.orders ON DELETE SET NULL NOT VALID,
        ADD UNIQUE NULLS NOT DISTINCT ("odd ""name, (x)") INCLUDE (price),
        ADD UNIQUE (tenant_id, price) DEFERRABLE,
        ADD CHECK (quantity > 0 OR order_number <> 'NOT VALID') NOT VALID,
        ADD EXCLUDE USING btree (id WITH =);
    CREATE UNIQUE INDEX ON orders (status, "odd ""name, (x)") WITH (fillfactor = 70);
    CREATE UNIQUE INDEX "partial" ON orders (price) WHERE order_number <> ' WHERE ';
    CREATE UNIQUE INDEX lower ON orders (tenant_id, lower(order_number));
    CREATE UNIQUE INDEX collated ON orders (tenant_id, order_number COLLATE "C");
    CREATE UNIQUE INDEX patterns ON orders (order_number varchar_pattern_ops);
    CREATE INDEX plain ON orders (customer_id);
"""
UNTYPED = ("type", "columns", "target", "target_columns", "validated", "predicate")


def objects() -> dict[str, TableObject]:
    with connection.cursor() as cursor:
        return {item.name: item for item in read_objects(cursor, "orders")}


def test_what_an_earlier_version_stored_says_what_the_catalogue_says(legacy: Database) -> None:
    legacy.run_script(without_nulls_not_distinct(legacy, ZOO))
    found = objects()
    assert {item.type for item in found.values()} >= {*Type} - {Type.NOT_NULL}
    for item in found.values():
        values = {name: value for name, value in item.as_dict().items() if name not in UNTYPED}
        assert TableObject.from_dict(values) == item


def test_an_index_is_unique_of_columns_only_as_they_are(legacy: Database) -> None:
    legacy.run_script(without_nulls_not_distinct(legacy, ZOO))
    found = objects()
    for name in ("partial", "lower", "collated", "patterns", "plain"):
        assert found[name].unique_columns == frozenset(), name
    assert found["partial"].predicate == "((order_number)::text <> ' WHERE '::text)"
    assert found["orders_tenant_id_price_key"].unique_columns == {"tenant_id", "price"}
    assert found["ix_orders_order_number"].unique_columns == {"order_number"}


def test_a_foreign_key_says_what_it_refers_to(legacy: Database) -> None:
    legacy.run_script(without_nulls_not_distinct(legacy, ZOO))
    keys = {item.reference: item.validated for item in objects().values() if item.reference}
    assert keys == {
        (("customer_id",), "customers", ("id",)): True,
        (("tenant_id",), "tenants", ("id",)): True,
        (("quantity",), "crm.orders", ("id",)): False,
        (("quantity", 'odd "name, (x)'), '"other ""things"', ("a", "b c")): True,
    }


def test_a_descending_index_keeps_columns_unique(legacy: Database) -> None:
    legacy.run_script("CREATE UNIQUE INDEX down ON customers (email DESC, tenant_id)")
    with connection.cursor() as cursor:
        down, key = (
            next(item for item in read_objects(cursor, "customers") if item.name == name)
            for name in ("down", "uq_customer_email_per_tenant")
        )
    assert down.holds(key)
    assert not down.twin_of(key)
