"""The legacy table `orders` and its types, catalogue for catalogue. Faked on a legacy database."""

from django.db import migrations, models

import jmsk.postgres.constraints
import jmsk.postgres.fields
from contacts.migration_operations import RefuseReverseOnRows

STATUSES = [
    ("PENDING", "pending"),
    ("IN_PROGRESS", "in progress"),
    ("COMPLETED", "completed"),
    ("SHIPPED", "shipped"),
    ("CANCELLED", "cancelled"),
]
METALS = [
    ("GOLD_24K", "24 carat gold"),
    ("GOLD_22K", "22 carat gold"),
    ("GOLD_18K", "18 carat gold"),
    ("GOLD_14K", "14 carat gold"),
    ("SILVER_925", "925 silver"),
    ("PLATINUM", "platinum"),
    ("OTHER", "other"),
]


def enum(name: str, choices: list[tuple[str, str]]) -> migrations.RunSQL:
    """The operation that makes an ENUM type and, backwards, drops it."""
    labels = ", ".join(f"'{label}'" for label, _ in choices)
    return migrations.RunSQL(f"CREATE TYPE {name} AS ENUM ({labels})", f"DROP TYPE {name}")


class Migration(migrations.Migration):
    initial = True
    dependencies = [("companies", "0001_legacy"), ("contacts", "0001_legacy")]
    operations = [
        enum("orderstatus", STATUSES),
        enum("metaltype", METALS),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", jmsk.postgres.fields.SerialField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="orders",
                        to="companies.tenant",
                    ),
                ),
                ("order_number", models.CharField()),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="orders",
                        to="contacts.customer",
                    ),
                ),
                ("customer_name", models.CharField()),
                ("customer_email", models.CharField(blank=True, null=True)),
                ("customer_phone", models.CharField(blank=True, null=True)),
                ("product_description", models.TextField(blank=True, null=True)),
                ("specifications", models.TextField(blank=True, null=True)),
                ("quantity", models.IntegerField(blank=True, db_default=1, null=True)),
                ("price", models.FloatField(blank=True, null=True)),
                (
                    "status",
                    jmsk.postgres.fields.EnumField(
                        blank=True,
                        choices=STATUSES,
                        db_default="PENDING",
                        enum_type="orderstatus",
                        null=True,
                    ),
                ),
                ("due_date", jmsk.postgres.fields.NaiveUTCDateTimeField(blank=True, null=True)),
                (
                    "metal_type",
                    jmsk.postgres.fields.EnumField(
                        blank=True, choices=METALS, enum_type="metaltype", null=True
                    ),
                ),
                ("target_weight_per_piece", models.FloatField(blank=True, null=True)),
                ("initial_total_weight", models.FloatField(blank=True, null=True)),
                (
                    "created_at",
                    jmsk.postgres.fields.NaiveUTCDateTimeField(
                        blank=True, db_default=jmsk.postgres.fields.DatabaseNow(), null=True
                    ),
                ),
                (
                    "updated_at",
                    jmsk.postgres.fields.NaiveUTCDateTimeField(
                        blank=True, db_default=jmsk.postgres.fields.DatabaseNow(), null=True
                    ),
                ),
            ],
            options={
                "db_table": "orders",
                "indexes": [
                    models.Index(fields=["id"], name="ix_orders_id"),
                    models.Index(fields=["tenant"], name="ix_orders_tenant_id"),
                    models.Index(fields=["customer"], name="ix_orders_customer_id"),
                ],
                "constraints": [
                    jmsk.postgres.constraints.UniqueIndex(
                        fields=("order_number",), name="ix_orders_order_number"
                    ),
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="tenant", name="orders_tenant_id_fkey"
                    ),
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="customer", name="orders_customer_id_fkey"
                    ),
                ],
            },
        ),
        RefuseReverseOnRows("orders"),
    ]
