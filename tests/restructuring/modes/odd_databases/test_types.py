"""Types that hold what is expected as well: carried through, proved, backed up, and back again."""

from pathlib import Path

import pytest

from contacts.models import Contact
from orders.models import Order
from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import assert_succeeds

pytestmark = pytest.mark.slow

KEYS = {
    "tenants": ["id"],
    "companies": ["id", "tenant_id"],
    "customers": ["id", "tenant_id", "company_id"],
    "orders": ["id", "tenant_id", "customer_id"],
}
BEYOND = 5_000_000_000
"""An id that no integer holds."""
BIGINT = "".join(
    f"ALTER TABLE {table} ALTER {column} TYPE bigint;"
    for table, columns in KEYS.items()
    for column in columns
) + "".join(f"ALTER SEQUENCE {table}_id_seq AS bigint;" for table in KEYS)
LARGE_ROWS = f"""
INSERT INTO tenants (id, name, subdomain) VALUES ({BEYOND}, 'large', 'large');
SELECT setval('companies_id_seq', {BEYOND});
INSERT INTO customers (id, tenant_id, name, email) VALUES ({BEYOND}, {BEYOND}, 'Eve', 'e@x.org');
INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name) VALUES
    ({BEYOND}, {BEYOND}, 'L-1', {BEYOND}, 'Eve'), ({BEYOND + 1}, {BEYOND}, 'L-2', NULL, 'Eve');
"""
TIMES = "".join(
    f"ALTER TABLE {table} ALTER created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';"
    for table in KEYS
)
TYPES = {
    "keys": BIGINT + LARGE_ROWS,
    "numbers": "ALTER TABLE orders ALTER quantity TYPE bigint,"
    "ALTER price TYPE numeric USING nullif(price, 'NaN')::numeric(12, 2),"
    "ALTER target_weight_per_piece TYPE real USING nullif(nullif(target_weight_per_piece, "
    "'Infinity'), 1e-307)::real;UPDATE orders SET quantity = 5000000000 WHERE id = 2",
    "times": TIMES,
    "texts": "ALTER TABLE customers ALTER name TYPE text, ALTER email TYPE varchar(80);"
    "ALTER TABLE companies ALTER address TYPE varchar;",
    "citext": "CREATE EXTENSION citext; ALTER TABLE customers ALTER email TYPE citext",
    "labels": "ALTER TYPE orderstatus ADD VALUE 'RETURNED' BEFORE 'SHIPPED'",
}
CITEXT = "SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"
NEW_COLUMNS = """
    SELECT attrelid::regclass || '.' || attname, format_type(atttypid, atttypmod) FROM pg_attribute
     WHERE attrelid IN ('contacts'::regclass, 'addresses'::regclass, 'orders'::regclass)
       AND attname IN ('company_id', 'tenant_id', 'placed_in_company_id', 'email_set_aside')
"""


@pytest.mark.parametrize("types", TYPES.values(), ids=TYPES)
def test_other_types_are_carried_and_come_back(
    legacy: Database, tmp_path: Path, types: str
) -> None:
    if "citext" in types and not legacy.fetch(CITEXT):
        pytest.skip("this server has no extension citext")
    legacy.execute(awkward.ROWS + awkward.DUPLICATES)
    for statement in types.split(";"):
        if statement.strip():
            legacy.execute(statement)
    before = photograph(legacy)

    assert_succeeds(tmp_path)
    assert_succeeds(tmp_path, "--verify-only")
    assert_succeeds(tmp_path, "--rollback")

    assert changes(before, photograph(legacy)) == []
    legacy.execute("DELETE FROM orders WHERE id = 3; UPDATE customers SET name = 'another'")
    (backup, *_) = sorted(path for path in tmp_path.glob("migration_*") if path.is_dir())
    assert_succeeds(tmp_path, "--restore", str(backup))
    assert changes(before, photograph(legacy)) == []


def test_new_columns_take_the_type_of_what_they_hold(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS + "ALTER TABLE customers ALTER email TYPE varchar(80);")
    legacy.execute(BIGINT + LARGE_ROWS)

    assert_succeeds(tmp_path)

    found = dict(legacy.fetch(NEW_COLUMNS))
    assert found.pop("contacts.email_set_aside") == "character varying(80)"
    assert set(found.values()) == {"bigint"}
    company = legacy.value(f"SELECT company_id FROM contacts WHERE id = {BEYOND}")
    assert company > BEYOND
    assert legacy.fetch(f"SELECT company_id FROM orders WHERE id >= {BEYOND}") == [(company,)] * 2


def test_rows_are_found_by_ids_that_no_integer_holds(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS + BIGINT + LARGE_ROWS)
    assert_succeeds(tmp_path)

    assert Contact.objects.get(pk=BEYOND).name == "Eve"
    assert Order.objects.filter(pk__gte=BEYOND, contact_id=BEYOND).count() == 1


def test_triggers_hold_for_ids_that_no_integer_holds(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS + BIGINT + LARGE_ROWS)
    assert_succeeds(tmp_path)

    legacy.execute(f"""
        INSERT INTO companies (id, tenant_id, name) VALUES ({BEYOND + 9}, {BEYOND}, 'other');
        UPDATE contacts SET company_id = {BEYOND + 9} WHERE id = {BEYOND};
        INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code)
            VALUES ({BEYOND}, {BEYOND + 9}, 'a', 'b', 'c', '12345');
    """)

    assert legacy.value(f"SELECT company_id FROM orders WHERE id = {BEYOND}") == BEYOND + 9
    assert legacy.value(
        f"SELECT default_address_id IS NOT NULL FROM companies WHERE id = {BEYOND + 9}"
    )
    assert_succeeds(tmp_path, "--verify-only")
