"""Django's own way to every column of the real tables: read, write, bulk, filter."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, models
from django.utils import timezone

from companies.models import Address, Company
from contacts.models import Contact, RestructuringRun
from orders.models import Order, OrderStatus
from tests.cases.model_rows import MODELS, MOMENT, ORDER, ROWS, fill_for_models, values
from tests.support.database.databases import Database


@pytest.fixture
def filled(migrated: Database) -> Database:
    """The target schema with a few rows of each table."""
    return fill_for_models(migrated)


def stored(instance: models.Model) -> dict[str, Any]:
    """Return the instance's columns as the database holds them now."""
    fresh = type(instance)._base_manager.get(pk=instance.pk)
    return {
        field.attname: getattr(fresh, field.attname) for field in instance._meta.concrete_fields
    }


@pytest.mark.parametrize("model", MODELS)
def test_rows_cover_every_column(model: type[models.Model]) -> None:
    columns = {field.attname for field in model._meta.concrete_fields} - {"id"}

    assert set(ROWS[model]) == columns - ({"default_address_id"} if model is Company else set())


@pytest.mark.parametrize("model", MODELS)
def test_models_name_the_columns_of_the_tables(
    migrated: Database, model: type[models.Model]
) -> None:
    columns = migrated.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped",
        [model._meta.db_table],
    )

    assert {name for (name,) in columns} == {f.column for f in model._meta.concrete_fields}


@pytest.mark.parametrize("model", MODELS)
def test_what_is_created_is_read_back(filled: Database, model: type[models.Model]) -> None:
    created = model._base_manager.create(**values(model, 1))

    read = stored(created)

    assert {name: read[name] for name in ROWS[model]} == values(model, 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", [2, 5])
def test_bulk_create_writes_every_column(
    filled: Database, model: type[models.Model], count: int
) -> None:
    made = model._base_manager.bulk_create([model(**values(model, n)) for n in range(count)])

    assert all(row.pk for row in made)
    for number, row in enumerate(made):
        read = stored(row)
        assert {name: read[name] for name in ROWS[model]} == values(model, number)


@pytest.mark.parametrize("model", MODELS)
def test_bulk_create_takes_explicit_keys(filled: Database, model: type[models.Model]) -> None:
    numbers = (900, 901)
    model._base_manager.bulk_create([model(id=n, **values(model, n)) for n in numbers])

    assert model._base_manager.filter(pk__in=numbers).count() == 2


@pytest.mark.parametrize("model", MODELS)
def test_bulk_update_writes_every_column(filled: Database, model: type[models.Model]) -> None:
    made = model._base_manager.bulk_create([model(**values(model, n)) for n in range(2)])
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = [field.name for field in fields]
    nullable = [field.attname for field in fields if field.null]

    for row in made:
        for name in nullable:
            setattr(row, name, None)
    model._base_manager.bulk_update(made, names)
    assert all(stored(row)[name] is None for row in made for name in nullable)

    for number, row in enumerate(made):
        for name, value in values(model, number).items():
            setattr(row, name, value)
    model._base_manager.bulk_update(made, names)
    for number, row in enumerate(made):
        read = stored(row)
        assert {name: read[name] for name in ROWS[model]} == values(model, number)


@pytest.mark.parametrize("model", MODELS)
def test_every_column_can_be_filtered(filled: Database, model: type[models.Model]) -> None:
    row = model._base_manager.create(**values(model, 1))
    manager = model._base_manager

    for name, value in values(model, 1).items():
        lookup = {f"{name}__isnull": True} if value is None else {name: value}
        assert row in manager.filter(**lookup), lookup
        assert row not in manager.exclude(**lookup), lookup
        if value is not None:
            assert row in manager.filter(**{f"{name}__in": [value]}), name
    assert list(manager.filter(pk__in=[row.pk]).values_list(*ROWS[model]))


def test_defaults_are_the_databases(filled: Database) -> None:
    order = Order.objects.create(
        tenant_id=1, contact_id=11, company_id=1, order_number="N", customer_name="Ada"
    )

    order.refresh_from_db()
    assert (order.quantity, order.status) == (1, OrderStatus.PENDING)
    assert order.created_at is not None
    assert abs(order.created_at - timezone.now()) < timedelta(minutes=5)


def test_not_a_number_is_read_and_written(filled: Database) -> None:
    order = Order.objects.create(**{**ORDER, "order_number": "N", "price": float("nan")})

    assert stored(order)["price"] != stored(order)["price"]


def test_relations_lead_both_ways(filled: Database) -> None:
    contact = Contact.objects.select_related("company__tenant").get(pk=11)

    assert contact.company.tenant.subdomain == "aurum"
    assert [order.pk for order in contact.orders.all()] == [21]
    assert {order.pk for order in contact.company.orders.all()} == {21, 24}
    assert {order.contact for order in Order.objects.filter(contact=None)} == {None}
    assert Company.objects.get(pk=1).default_address == Address.objects.get(pk=31)


def test_deletion_follows_the_databases_rules(filled: Database) -> None:
    Contact.objects.get(pk=12).delete()
    assert Order.objects.get(pk=22).contact is None

    with pytest.raises(IntegrityError, match="fk_orders_company"):
        Company.objects.get(pk=2).delete()


# --- runs, and the models' own state ------------------------------------------------------------


def test_run_keeps_what_json_holds(migrated: Database) -> None:
    run = RestructuringRun.objects.create(
        kind=RestructuringRun.Kind.MIGRATION,
        transaction_id=2**62,
        started_at=MOMENT,
        operating_system_user="ops",
        database_user="postgres",
        counts={"customers": 150},
        created_companies=[1, 2],
    )

    run.refresh_from_db()
    assert (run.transaction_id, run.counts, run.created_companies) == (
        2**62,
        {"customers": 150},
        [1, 2],
    )
    assert str(run) == "Migration of 2024-03-31 01:59:59 UTC"


def test_models_and_migrations_agree(migrated: Database) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
