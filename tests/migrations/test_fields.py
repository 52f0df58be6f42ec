"""The fields that meet the legacy columns: moments kept as naive UTC, and PostgreSQL's enums."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DataError, models
from django.utils import timezone as django_timezone

from companies.models import Tenant
from orders.models import Order, OrderStatus
from tests.cases.model_rows import MOMENT, ORDER, fill_for_models
from tests.support.database.databases import Database

FAR_EAST = timezone(timedelta(hours=5, minutes=45))


@pytest.fixture
def filled(migrated: Database) -> Database:
    """The target schema with a few rows of each table."""
    return fill_for_models(migrated)


# --- timestamps --------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [UTC, FAR_EAST, timezone(timedelta(hours=-8))])
def test_a_moment_is_kept_as_naive_utc_whatever_zone_is_current(
    filled: Database, zone: timezone
) -> None:
    with django_timezone.override(zone):
        tenant = Tenant.objects.create(
            name="Perle", subdomain="perle", created_at=MOMENT.astimezone(zone)
        )
        read = Tenant.objects.get(pk=tenant.pk).created_at
        found = Tenant.objects.filter(
            created_at=MOMENT.astimezone(FAR_EAST),
            created_at__gte=MOMENT,
            created_at__range=(MOMENT, MOMENT + timedelta(seconds=1)),
            created_at__year=2024,
        )
        assert list(found) == [tenant]

    assert read is not None
    assert (read, read.tzinfo) == (MOMENT, UTC)
    assert (
        filled.value("SELECT created_at::text FROM tenants WHERE subdomain = 'perle'")
        == "2024-03-31 01:59:59.123456"
    )


def test_parts_of_a_moment_are_those_of_the_current_zone(filled: Database) -> None:
    late = datetime(2023, 12, 31, 23, 30, tzinfo=UTC)
    tenant = Tenant.objects.create(name="Perle", subdomain="perle", created_at=late)

    assert tenant in Tenant.objects.filter(created_at__date=date(2023, 12, 31), created_at__hour=23)
    with django_timezone.override(FAR_EAST):
        assert tenant in Tenant.objects.filter(
            created_at__date=date(2024, 1, 1), created_at__year=2024, created_at__hour=5
        )


def test_dates_are_grouped(filled: Database) -> None:
    Tenant.objects.update(created_at=MOMENT)

    assert list(Tenant.objects.datetimes("created_at", "month")) == [
        datetime(2024, 3, 1, tzinfo=UTC)
    ]
    assert list(Tenant.objects.dates("created_at", "day")) == [date(2024, 3, 31)]


def test_a_latest_moment_is_aware(filled: Database) -> None:
    Tenant.objects.update(created_at=MOMENT)

    assert Tenant.objects.aggregate(last=models.Max("created_at")) == {"last": MOMENT}


# --- enums -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lookup", ["status", "status__in", "metal_type", "metal_type__in"])
def test_unknown_label_in_a_filter_is_refused(filled: Database, lookup: str) -> None:
    value: Any = ["LOST"] if lookup.endswith("__in") else "LOST"

    with pytest.raises(ValueError, match="'LOST' is not a label of "):
        Order.objects.filter(**{lookup: value}).exists()


def test_labels_are_compared_as_text_too(filled: Database) -> None:
    Order.objects.filter(pk=21).update(status="CANCELLED")

    assert [order.pk for order in Order.objects.filter(status__icontains="cancel")] == [21]
    assert [order.pk for order in Order.objects.exclude(status="PENDING")] == [21]
    assert Order.objects.order_by("-status").first() == Order.objects.get(pk=21)


def test_label_that_the_models_do_not_know_is_read_and_saved_back(filled: Database) -> None:
    filled.execute("ALTER TYPE orderstatus ADD VALUE 'ON_HOLD'")
    filled.execute("UPDATE orders SET status = 'ON_HOLD' WHERE id IN (21, 22)")

    order, other = Order.objects.filter(pk__in=[21, 22]).order_by("pk")
    assert order.status == "ON_HOLD"
    order.customer_name = "Ada"
    order.save()
    Order.objects.bulk_update([order, other], ["status", "customer_name"])

    assert filled.fetch("SELECT id, status FROM orders WHERE status = 'ON_HOLD' ORDER BY 1") == [
        (21, "ON_HOLD"),
        (22, "ON_HOLD"),
    ]


def test_label_that_the_database_does_not_know_is_an_error_and_no_loss(filled: Database) -> None:
    with pytest.raises(DataError, match="invalid input value for enum orderstatus"):
        Order.objects.create(**{**ORDER, "order_number": "N", "status": "LOST"})


def test_conditional_update_casts_to_the_enum(filled: Database) -> None:
    Order.objects.update(
        status=models.Case(
            models.When(pk=21, then=models.Value("COMPLETED")),
            default=models.F("status"),
            output_field=Order._meta.get_field("status"),
        )
    )

    assert Order.objects.get(pk=21).status == OrderStatus.COMPLETED
