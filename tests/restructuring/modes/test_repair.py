"""Whatever somebody drops, replaces or disables of what the migration made, a repair puts back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from contacts.restructuring.changes.repair import EXCLUSIVE, repair
from contacts.restructuring.checks.after_migration import CHECKS_AFTER
from contacts.restructuring.checks.base import Status, run_checks
from contacts.restructuring.checks.tables.target_columns import RESTRUCTURED
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.database.reading import reading_snapshot
from contacts.restructuring.database.transaction import TransactionOptions
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import (
    check_rules,
    target_objects,
    triggers,
)
from tests.support.database.catalogues import catalogue
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill
from tests.support.database.roles import roles
from tests.support.runs.command import (
    assert_migrates,
    assert_refused,
    assert_succeeds,
    run,
    run_into,
)

pytestmark = pytest.mark.slow

Catalogue = dict[str, list[tuple[object, ...]]]
BEHIND = "SET session_replication_role = replica; "
"""No trigger and no foreign key hears what comes after it."""
RULES = {rule.name: model._meta.db_table for model, rule in check_rules()}
TAKEN_BACK = (
    'REVOKE SELECT ON addresses FROM "{role}"',
    'REVOKE ALL ON addresses FROM "{role}"',
    'REVOKE USAGE ON addresses_id_seq FROM "{role}"',
    'REVOKE GRANT OPTION FOR INSERT ON addresses FROM "{role}"',
    "ALTER TABLE addresses OWNER TO pg_monitor",
)
LET_IN = (
    "DROP POLICY addresses_of_visible_companies ON addresses",
    "ALTER POLICY addresses_of_visible_companies ON addresses USING (true)",
    "ALTER TABLE addresses DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE addresses NO FORCE ROW LEVEL SECURITY",
)


@dataclass(frozen=True)
class Damage:
    """What somebody does to ``name``; ``warns`` where verification only tells of it."""

    name: str
    sql: str
    warns: bool = False


def keys_and_indexes(table: str) -> Iterator[Damage]:
    """Yield how to lose each key and each index of a table, and to spoil some."""
    for item in target_objects(table):
        if item.kind == "index":
            yield Damage(item.name, f"DROP INDEX {item.name}")
            continue
        drop = f"ALTER TABLE {table} DROP CONSTRAINT {item.name} CASCADE"
        yield Damage(item.name, drop)
        if item.reference:
            make = f"{drop}; ALTER TABLE {table} ADD CONSTRAINT {item.name}"
            yield Damage(item.name, f"{make} {item.definition} NOT VALID")


def rules() -> Iterator[Damage]:
    """Yield how to lose and how to spoil each check rule."""
    for name, table in RULES.items():
        drop = f"ALTER TABLE {table} DROP CONSTRAINT {name}"
        yield Damage(name, drop, warns=True)
        yield Damage(name, f"{drop}, ADD CONSTRAINT {name} CHECK (id > 0)")


def triggers_and_functions() -> Iterator[Damage]:
    """Yield how to lose, to silence and to disarm each trigger."""
    for trigger in triggers().values():
        name, table = trigger.name, trigger.table
        yield Damage(name, f"DROP TRIGGER {name} ON {table}")
        yield Damage(name, f"DROP FUNCTION {name}() CASCADE")
        yield Damage(name, f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield Damage(
            name,
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NEW; END'",
        )


def in_new_words(row: Iterable[object]) -> tuple[object, ...]:
    """Return a row of the legacy catalogue as it reads after renaming alone."""
    words = (f"{value}".replace("customers", "contacts") for value in row)
    return tuple(word.replace("customer_id", "contact_id") for word in words)


def made(before: Catalogue, after: Catalogue) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a migration has made, of all that the catalogue shows: its kind and its row."""
    for kind, rows in after.items():
        known = {in_new_words(row) for row in before[kind]}
        for row in rows:
            if tuple(map(str, row)) not in known:
                yield kind, tuple(map(str, row))


def losses(kind: str, row: tuple[str, ...]) -> Iterator[Damage]:
    """Yield how to lose what a row of the catalogue shows."""
    table, name = row[0], row[1] if len(row) > 1 else ""
    match kind:
        case "columns":
            if row[3] == "True" and name != "id":
                yield Damage(f"{table}.{name}", f"ALTER TABLE {table} ALTER {name} DROP NOT NULL")
            if row[4] != "None":
                yield Damage(f"{table}.{name}", f"ALTER TABLE {table} ALTER {name} DROP DEFAULT")
        case "constraints":
            drop = f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"
            if row[2] == "t":  # of a trigger that waits for COMMIT
                drop = f"DROP TRIGGER {name} ON {table}"
            yield Damage(name, drop, warns=name in RULES)
        case "indexes":
            # The one behind a constraint goes with that.
            yield Damage(
                name,
                f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE; "
                f"DROP INDEX IF EXISTS {name}",
            )
        case "triggers":
            yield Damage(name, f"DROP TRIGGER {name} ON {table}")
        case "functions":
            name = table.split("(")[0].split(".")[-1]
            yield Damage(name, f"DROP FUNCTION {name}() CASCADE")
        case "sequences":
            yield Damage("addresses.id", f"DROP SEQUENCE {table} CASCADE")


SPOILED = (
    Damage(
        "uq_addresses_one_default_per_company",
        "DROP INDEX uq_addresses_one_default_per_company; CREATE UNIQUE INDEX "
        "uq_addresses_one_default_per_company ON addresses (company_id, id) WHERE is_default",
    ),
    Damage(
        "ix_orders_tenant_company",
        "DROP INDEX ix_orders_tenant_company; CREATE INDEX ix_orders_tenant_company ON orders (id)",
    ),
    Damage(
        "ix_orders_tenant_company",
        "UPDATE pg_index SET indisvalid = false "
        "WHERE indexrelid = 'ix_orders_tenant_company'::regclass",
    ),
    Damage(
        "fk_orders_contact",
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, ADD CONSTRAINT fk_orders_contact "
        "FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE CASCADE",
    ),
    Damage("company_id may be NULL", "ALTER TABLE contacts ALTER company_id DROP NOT NULL"),
    Damage("company_id may be NULL", "ALTER TABLE orders ALTER company_id DROP NOT NULL"),
    Damage(
        "trg_validate_contact_company",
        "ALTER FUNCTION trg_validate_contact_company() SECURITY INVOKER RESET ALL",
    ),
    Damage(
        "trg_sync_default_address",
        "GRANT EXECUTE ON FUNCTION trg_sync_default_address() TO PUBLIC",
    ),
)


def statuses() -> dict[Status, str]:
    """Return what a verification finds, by status."""
    with reading_snapshot(connection, read_layout(connection)) as inspector:
        results = run_checks(inspector, CHECKS_AFTER)
    return {
        status: " ".join(
            told
            for result in results
            if result.status is status
            for told in result.finding.sentences
        )
        for status in Status
    }


def put_back_one_by_one(database: Database, damages: Iterable[Damage]) -> None:
    """Fail unless each damage is told by a verification, and put right by a repair."""
    before, dumped = catalogue(database), database.dump("--schema-only")
    for damage in damages:
        database.execute(damage.sql)
        told = statuses()[Status.WARNING if damage.warns else Status.FAILED]
        assert damage.name in told, (damage, told)

        options = TransactionOptions(read_layout(connection), EXCLUSIVE, ())
        repair(connection, options, timezone.now(), Journal(lambda event: None))

        assert catalogue(database) == before, damage
    assert not statuses()[Status.FAILED]
    assert not statuses()[Status.WARNING]
    assert database.dump("--schema-only") == dumped


@pytest.mark.parametrize("table", RESTRUCTURED)
def test_each_key_and_index_comes_back(migrated: Database, table: str) -> None:
    put_back_one_by_one(fill(migrated), keys_and_indexes(table))


def test_each_check_rule_comes_back(migrated: Database) -> None:
    put_back_one_by_one(fill(migrated), rules())


def test_each_trigger_and_its_function_come_back(migrated: Database) -> None:
    put_back_one_by_one(fill(migrated), triggers_and_functions())


def test_all_that_the_catalogue_shows_to_be_made_comes_back(
    legacy: Database, tmp_path: Path
) -> None:
    before = catalogue(legacy)
    assert_migrates(tmp_path)
    found = list(made(before, catalogue(legacy)))
    # A nullable column without a default is all that a repair could not bring back: its rows.
    left = [row for kind, row in found if not list(losses(kind, row))]
    assert {(row[0], row[1]) for row in left} == {
        ("companies", "default_address_id"),
        ("companies", "fax"),
        ("contacts", "email"),
        ("contacts", "email_set_aside"),
        ("contacts", "placed_in_company_id"),
        ("orders", "customer_name"),
    }
    assert {kind for kind, _ in found} == set(before)
    damages = [damage for kind, row in found for damage in losses(kind, row)]
    put_back_one_by_one(fill(legacy), damages)


def test_a_new_sequence_goes_on_behind_the_rows(migrated: Database, tmp_path: Path) -> None:
    fill(migrated).execute("DROP SEQUENCE addresses_id_seq CASCADE")
    last = migrated.value("SELECT max(id) FROM addresses")
    assert_succeeds(tmp_path, "--repair")
    columns = "addresses (tenant_id, company_id, street_address, city, state, zip_code)"
    query = f"INSERT INTO {columns} VALUES (1, 1, 'x', 'x', 'x', '123') RETURNING id"
    assert migrated.value(query) == last + 1


def test_what_was_replaced_comes_back(migrated: Database) -> None:
    put_back_one_by_one(fill(migrated), SPOILED)


@pytest.fixture
def shared(legacy: Database, tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """A migrated database with row-level security, and a role with rights on companies."""
    with roles(legacy, "clerk") as (clerk,):
        legacy.execute(
            f'GRANT SELECT, UPDATE ON companies TO "{clerk}"; '
            f'GRANT INSERT ON companies TO "{clerk}" WITH GRANT OPTION; '
            f'GRANT USAGE ON companies_id_seq TO "{clerk}"; '
            "CREATE POLICY everybody ON companies USING (true); "
            "ALTER TABLE companies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        )
        assert_migrates(tmp_path)
        yield legacy, clerk


def test_rights_and_policy_of_addresses_come_back(shared: tuple[Database, str]) -> None:
    database, clerk = shared
    damages = [
        *(Damage("addresses", statement) for statement in LET_IN),
        *(Damage("addresses", taken.format(role=clerk), warns=True) for taken in TAKEN_BACK),
    ]
    state = "SELECT relacl::text, relowner FROM pg_class WHERE relname LIKE 'addresses%' ORDER BY 1"
    before = database.fetch(state)

    put_back_one_by_one(database, damages)

    assert database.fetch(state) == before


def test_it_names_everything_then_puts_back_all_at_once(migrated: Database, tmp_path: Path) -> None:
    before = fill(migrated).dump("--schema-only")
    damages = [*SPOILED[:1], *SPOILED[3:5], *SPOILED[6:]]
    for damage in damages:
        migrated.execute(damage.sql)
    damaged = migrated.dump()

    asked = run("--repair", "--backup-dir", str(tmp_path))
    assert_refused(migrated, asked, damaged, *(damage.name for damage in damages), "no terminal")
    done = assert_succeeds(tmp_path, "--repair")

    assert "put right; no row was changed" in next(tmp_path.glob("*.txt")).read_text()
    assert all(damage.name in done.out for damage in damages)
    assert migrated.dump("--schema-only") == before
    assert "nothing to do" in assert_succeeds(tmp_path, "--repair").out


IN_THE_WAY = (
    (
        "ALTER TABLE orders DROP CONSTRAINT fk_orders_company; "
        f"{BEHIND} UPDATE orders SET company_id = 999 WHERE id = 24",
        "Row 24 of orders breaks fk_orders_company: no such row in companies: (999)",
    ),
    (
        "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey CASCADE; "
        "INSERT INTO contacts SELECT * FROM contacts WHERE id = 13",
        "2 rows of contacts, of which 13, share the id of contacts_pkey: (13)",
    ),
    (
        "DROP INDEX uq_companies_one_default_per_tenant; "
        "UPDATE companies SET is_default = true WHERE id = 2",
        "2 rows of companies, of which 1, share the tenant_id of "
        "uq_companies_one_default_per_tenant: (1)",
    ),
    (
        "ALTER TABLE orders ALTER company_id DROP NOT NULL; "
        f"{BEHIND} UPDATE orders SET company_id = NULL WHERE id = 24",
        "Row 24 of orders has no company_id",
    ),
    (
        "ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format, "
        "ADD CONSTRAINT ck_contacts_phone_format CHECK (true); "
        "UPDATE contacts SET phone = '1' WHERE id = 12",
        "Row 12 of contacts (tenant 1) breaks ck_contacts_phone_format: '1'",
    ),
    (
        "ALTER TABLE orders DISABLE TRIGGER trg_validate_order_relationships; "
        "UPDATE orders SET company_id = 1 WHERE id = 22",
        "Order 22 (tenant 1) belongs to company 1, its contact 12 (tenant 1) to company 2",
    ),
)


@pytest.mark.parametrize(("damage", "row"), IN_THE_WAY)
def test_rows_that_break_what_would_come_back_are_named(
    migrated: Database, tmp_path: Path, damage: str, row: str
) -> None:
    fill(migrated).execute(damage)
    before = migrated.dump()

    refused = run_into(tmp_path, "--repair")

    assert_refused(migrated, refused, before, "Validation failed", row, "Nothing was changed")


def test_rule_that_rows_break_stays_pending(migrated: Database, tmp_path: Path) -> None:
    fill(migrated).execute(
        "ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format; "
        "UPDATE contacts SET phone = '1' WHERE id = 12"
    )

    assert "nothing to do" in assert_succeeds(tmp_path, "--repair").out
