"""The full run on databases that have drifted: it works, and leads to the target all the same."""

from pathlib import Path

import pytest

from tests.cases import awkward, drifts
from tests.cases.legacy_rows import ORPHAN, ROWS
from tests.support.database.catalogues import catalogue, schema_dump
from tests.support.database.databases import Database, django_uses
from tests.support.runs.command import assert_migrates, run

pytestmark = pytest.mark.slow

EXTRA = {
    "customers": 'id, tags, notes, "50%s", shout',
    "orders": 'id, "odd ""name", "a%b", total',
    "companies": 'id, problems, branch, "c%(d)s"',
}
"""The columns of the drift "extra columns", by table."""


def values(database: Database, table: str, columns: str) -> dict[int, str]:
    """Return the text of some columns of each row, by its id."""
    return dict(database.fetch(f"SELECT id, ROW({columns})::text FROM {table}"))


@pytest.mark.parametrize("drift", drifts.SCHEMA)
def test_drifted_schema_becomes_exactly_the_target(
    legacy: Database, migrated: Database, tmp_path: Path, drift: str
) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}; {drifts.SQL[drift]}")

    with django_uses(legacy):
        assert_migrates(tmp_path)

    reached, target = catalogue(legacy), catalogue(migrated)
    for kind in target:
        assert reached[kind] == target[kind]
    assert schema_dump(legacy) == schema_dump(migrated)
    assert legacy.value("SELECT count(*) FROM contacts JOIN companies ON is_default") == 3


@pytest.mark.parametrize("drift", [name for name in drifts.SQL if name not in drifts.SCHEMA])
def test_drift_that_stays_does_not_stop_the_run(
    legacy: Database, tmp_path: Path, drift: str
) -> None:
    legacy.execute(awkward.ROWS + drifts.SQL[drift])

    assert_migrates(tmp_path)

    assert run("--verify-only", "--backup-dir", str(tmp_path)).code == 0


def test_rule_that_a_default_company_breaks_by_a_default_stays_pending(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}; {drifts.SQL['a default that breaks a rule']}")

    done = assert_migrates(tmp_path)

    assert "breaks ck_companies_phone_format" in done.out
    assert legacy.fetch("SELECT phone FROM companies WHERE is_default") == [("none",)]


def test_columns_of_others_keep_their_values(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    legacy.execute(drifts.SQL["extra columns"])
    before = {table: values(legacy, table, columns) for table, columns in EXTRA.items()}

    assert_migrates(tmp_path)

    assert values(legacy, "contacts", EXTRA["customers"]) == before["customers"]
    assert values(legacy, "orders", EXTRA["orders"]) == before["orders"]
    after = values(legacy, "companies", EXTRA["companies"])
    assert {key: after[key] for key in before["companies"]} == before["companies"]
    assert {after[key] for key in after.keys() - before["companies"].keys()} == {
        f"({key},,x,)" for key in after.keys() - before["companies"].keys()
    }


def test_objects_that_the_target_does_not_name_stay(legacy: Database, tmp_path: Path) -> None:
    legacy.execute("""
        CREATE INDEX by_lower_name ON customers (lower(name) DESC) INCLUDE (phone) WHERE id > 0;
        ALTER TABLE orders ADD CONSTRAINT sensible CHECK (quantity > -100);
        ALTER TABLE companies ADD CONSTRAINT apart EXCLUDE USING btree (name WITH =, id WITH =);
        CREATE STATISTICS pairs ON tenant_id, customer_id FROM orders;
        CREATE TABLE reviews (customer_id integer REFERENCES customers ON DELETE CASCADE);
        COMMENT ON COLUMN orders.customer_id IS 'who';
        ALTER TABLE orders SET (fillfactor = 70);
    """)

    assert_migrates(tmp_path)

    dump = legacy.dump("--schema-only")
    for part in (
        "CREATE INDEX by_lower_name ON public.contacts USING btree (lower((name)::text) DESC) "
        "INCLUDE (phone) WHERE (id > 0);",
        "CONSTRAINT sensible CHECK ((quantity > '-100'::integer))",
        "ADD CONSTRAINT apart EXCLUDE USING btree (name WITH =, id WITH =);",
        "CREATE STATISTICS public.pairs ON tenant_id, contact_id FROM public.orders;",
        "FOREIGN KEY (customer_id) REFERENCES public.contacts(id) ON DELETE CASCADE;",
        "COMMENT ON COLUMN public.orders.contact_id IS 'who';",
        "WITH (fillfactor='70')",
    ):
        assert part in dump


def test_missing_emails_are_no_duplicates_and_stop_nothing(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(f"""
        {ROWS}; ALTER TABLE customers ALTER email DROP NOT NULL;
        INSERT INTO customers (id, tenant_id, name) VALUES (31, 1, 'Dora'), (32, 1, 'Edna');
    """)
    before = legacy.fetch("SELECT * FROM customers ORDER BY id")

    done = assert_migrates(tmp_path, "-v", "2")

    assert "0 e-mails used more than once within a company" in done.out
    assert legacy.fetch("SELECT id FROM contacts WHERE email IS NULL ORDER BY id") == [(31,), (32,)]
    assert legacy.value("SELECT count(email_set_aside) FROM contacts") == 0
    assert run("--rollback", "--noinput", "--backup-dir", str(tmp_path)).code == 0
    assert legacy.fetch("SELECT * FROM customers ORDER BY id") == before


def test_empty_tables_are_migrated(legacy: Database, migrated: Database, tmp_path: Path) -> None:
    with django_uses(legacy):
        done = assert_migrates(tmp_path, "-v", "2")

    assert "Found 0 customers" in done.out
    assert legacy.value("SELECT counts ->> 'companies_created' FROM contacts_restructuringrun") == (
        "0"
    )
    assert legacy.fetch("SELECT * FROM companies") == []
