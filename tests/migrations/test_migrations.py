"""The migrations: the two roads to the target, the way back from nothing, and what they refuse."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.loader import MigrationLoader

from tests.cases.legacy_rows import ROWS
from tests.support.database.catalogues import catalogue, schema_dump
from tests.support.database.databases import Database, django_uses
from tests.support.database.migrated_rows import fill


def migrate(*target: str, **options: Any) -> None:
    call_command("migrate", *target, verbosity=0, **options)


def migrate_to_legacy() -> None:
    for app in ("companies", "contacts", "orders"):
        migrate(app, "0001")


def test_first_migrations_make_the_legacy_schema(empty: Database, legacy: Database) -> None:
    with django_uses(empty):
        migrate_to_legacy()

    made, real = catalogue(empty), catalogue(legacy)
    for kind in real:
        assert made[kind] == real[kind]
    assert schema_dump(empty) == schema_dump(legacy)


@pytest.mark.parametrize("enum", ["orderstatus", "metaltype"])
def test_first_migrations_make_the_legacy_enums(
    empty: Database, legacy: Database, enum: str
) -> None:
    with django_uses(empty):
        migrate_to_legacy()

    labels = f"SELECT enum_range(NULL::{enum})::text"
    assert empty.value(labels) == legacy.value(labels)


def test_faked_legacy_database_without_rows_reaches_the_same_schema(
    legacy: Database, migrated: Database
) -> None:
    with django_uses(legacy):
        migrate(fake_initial=True)

    reached, target = catalogue(legacy), catalogue(migrated)
    for kind in target:
        assert reached[kind] == target[kind]
    assert schema_dump(legacy) == schema_dump(migrated)


def test_empty_tables_go_back_to_the_legacy_schema_and_forth_again(
    migrated: Database, legacy: Database
) -> None:
    target = schema_dump(migrated)

    with django_uses(migrated):
        migrate("contacts", "0002")
        migrate("companies", "0001")
        assert schema_dump(migrated) == schema_dump(legacy)
        assert catalogue(migrated) == catalogue(legacy)
        migrate()

    assert schema_dump(migrated) == target


def test_everything_can_be_reversed_to_nothing(migrated: Database) -> None:
    for app in ("orders", "contacts", "companies"):
        migrate(app, "zero")

    assert (
        migrated.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname ~"
            "  '^(tenants|companies|customers|contacts|orders|addresses)'"
        )
        == []
    )
    assert migrated.fetch("SELECT typname FROM pg_type WHERE typname = 'orderstatus'") == []
    assert (
        migrated.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        == []
    )


@pytest.mark.parametrize("app", ["companies", "contacts", "orders"])
def test_dropping_legacy_tables_that_hold_rows_is_refused(legacy: Database, app: str) -> None:
    migrate_to_legacy_by_faking()
    legacy.execute(ROWS)
    before = legacy.dump()

    with pytest.raises(CommandError, match="hold rows of a production database") as refused:
        migrate(app, "zero")

    assert "migrate_contacts --rollback" in str(refused.value)
    assert legacy.dump() == before


def migrate_to_legacy_by_faking() -> None:
    for app in ("companies", "contacts", "orders"):
        migrate(app, "0001", fake_initial=True)


def test_plain_migrate_does_not_restructure_rows(legacy: Database) -> None:
    migrate_to_legacy_by_faking()
    migrate("contacts", "0002")
    migrate("auth")
    migrate("admin")
    migrate("sessions")
    migrate("access")
    legacy.execute(ROWS)
    before = legacy.dump()

    with pytest.raises(CommandError, match="a plain 'migrate' has no backup") as refused:
        migrate()

    assert "Run 'manage.py migrate_contacts' instead" in str(refused.value)
    assert "tenants, companies, customers, orders hold rows" in str(refused.value)
    assert legacy.dump() == before


def test_plain_migrate_with_fake_initial_does_not_restructure_rows_either(legacy: Database) -> None:
    legacy.execute(ROWS)
    tables = ("-t", "tenants", "-t", "companies", "-t", "customers", "-t", "orders")
    before = legacy.dump(*tables)

    with pytest.raises(CommandError, match="They are as they were"):
        migrate(fake_initial=True)

    assert legacy.dump(*tables) == before
    assert legacy.value("SELECT to_regclass('addresses')") is None


@pytest.mark.parametrize(
    "target", [("orders", "0002"), ("orders", "0001"), ("contacts", "0003"), ("companies", "zero")]
)
def test_plain_migrate_does_not_go_back_over_rows(
    migrated: Database, target: tuple[str, str]
) -> None:
    fill(migrated)
    before = migrated.dump()

    with pytest.raises(CommandError) as refused:
        migrate(*target)

    assert "migrate_contacts --rollback" in str(refused.value)
    assert migrated.dump() == before


def test_every_migration_is_atomic() -> None:
    migrations = MigrationLoader(None).disk_migrations

    ours = [key for key in migrations if key[0] in ("companies", "contacts", "orders")]
    assert len(ours) >= 10
    assert [key for key in ours if not migrations[key].atomic] == []


def test_nothing_is_waiting_in_a_foreign_key(migrated: Database) -> None:
    assert (
        migrated.fetch(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND condeferrable AND"
            " conrelid::regclass::text = ANY('{companies,contacts,orders,addresses,tenants}')"
        )
        == []
    )


def test_rules_on_deletion_are_the_targets(migrated: Database) -> None:
    rules = migrated.fetch(
        "SELECT conname, confdeltype FROM pg_constraint WHERE contype = 'f' AND"
        " conrelid::regclass::text = ANY('{companies,contacts,orders,addresses,tenants}')"
    )

    assert dict(rules) == {
        "addresses_company_id_fkey": "c",
        "addresses_tenant_id_fkey": "c",
        "companies_tenant_id_fkey": "a",
        "contacts_company_id_fkey": "a",
        "contacts_tenant_id_fkey": "a",
        "fk_companies_default_address": "n",
        "fk_orders_company": "r",
        "fk_orders_contact": "n",
        "orders_tenant_id_fkey": "a",
    }
