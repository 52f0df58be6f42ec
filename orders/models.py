"""Orders: who ordered what, for which company."""

from django.db import models

from companies.models import Company, Tenant
from contacts.models import Contact
from jmsk.postgres.constraints import ForeignKeyConstraint, UniqueIndex
from jmsk.postgres.fields import DatabaseNow, EnumField, NaiveUTCDateTimeField, SerialField


class OrderStatus(models.TextChoices):
    PENDING = "PENDING", "pending"
    IN_PROGRESS = "IN_PROGRESS", "in progress"
    COMPLETED = "COMPLETED", "completed"
    SHIPPED = "SHIPPED", "shipped"
    CANCELLED = "CANCELLED", "cancelled"


class MetalType(models.TextChoices):
    GOLD_24K = "GOLD_24K", "24 carat gold"
    GOLD_22K = "GOLD_22K", "22 carat gold"
    GOLD_18K = "GOLD_18K", "18 carat gold"
    GOLD_14K = "GOLD_14K", "14 carat gold"
    SILVER_925 = "SILVER_925", "925 silver"
    PLATINUM = "PLATINUM", "platinum"
    OTHER = "OTHER", "other"


class Order(models.Model):
    """An order. ``customer_name``, ``_email`` and ``_phone`` record who ordered, as it was then."""

    id = SerialField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.DO_NOTHING, related_name="orders", db_constraint=False, db_index=False
    )
    order_number = models.CharField()
    contact = models.ForeignKey(
        Contact,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="orders",
        db_constraint=False,
        db_index=False,
    )
    customer_name = models.CharField(null=True, blank=True)
    customer_email = models.CharField(null=True, blank=True)
    customer_phone = models.CharField(null=True, blank=True)
    product_description = models.TextField(null=True, blank=True)
    specifications = models.TextField(null=True, blank=True)
    quantity = models.IntegerField(null=True, blank=True, db_default=1)
    price = models.FloatField(null=True, blank=True)
    status = EnumField(
        enum_type="orderstatus",
        choices=OrderStatus,
        null=True,
        blank=True,
        db_default=OrderStatus.PENDING,
    )
    due_date = NaiveUTCDateTimeField(null=True, blank=True)
    metal_type = EnumField(enum_type="metaltype", choices=MetalType, null=True, blank=True)
    target_weight_per_piece = models.FloatField(null=True, blank=True)
    initial_total_weight = models.FloatField(null=True, blank=True)
    created_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    updated_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="orders", db_constraint=False, db_index=False
    )

    class Meta:
        db_table = "orders"
        permissions = [
            ("link_order", "Can link an order to a contact"),
            ("export_order", "Can export orders"),
        ]
        indexes = [
            models.Index(fields=["id"], name="ix_orders_id"),
            models.Index(fields=["tenant"], name="ix_orders_tenant_id"),
            models.Index(fields=["contact"], name="ix_orders_contact_id"),
            models.Index(fields=["company"], name="ix_orders_company_id"),
            models.Index(fields=["tenant", "company"], name="ix_orders_tenant_company"),
            models.Index(fields=["tenant", "contact"], name="ix_orders_tenant_contact"),
        ]
        constraints = [
            UniqueIndex(fields=["order_number"], name="ix_orders_order_number"),
            ForeignKeyConstraint(field="tenant", name="orders_tenant_id_fkey"),
            ForeignKeyConstraint(field="contact", name="fk_orders_contact", on_delete="SET NULL"),
            ForeignKeyConstraint(field="company", name="fk_orders_company", on_delete="RESTRICT"),
        ]

    def __str__(self) -> str:
        return self.order_number
