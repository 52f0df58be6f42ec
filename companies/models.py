"""Tenants, their companies, and the companies' addresses.

Rules that more than one program must keep live in the database: foreign keys, checks and triggers
(see the migrations). ``on_delete=DO_NOTHING`` means "as the database says".
"""

from django.db import models

from jmsk.postgres.check_rules import email_rule, length_rule
from jmsk.postgres.constraints import ForeignKeyConstraint, UniqueIndex
from jmsk.postgres.fields import DatabaseNow, NaiveUTCDateTimeField, SerialField


class Tenant(models.Model):
    """A customer of the platform. Its data never mixes with another tenant's."""

    id = SerialField(primary_key=True)
    name = models.CharField()
    subdomain = models.CharField()
    is_active = models.BooleanField(null=True, blank=True, db_default=True)
    created_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    updated_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())

    class Meta:
        db_table = "tenants"
        indexes = [models.Index(fields=["id"], name="ix_tenants_id")]
        constraints = [UniqueIndex(fields=["subdomain"], name="ix_tenants_subdomain")]

    def __str__(self) -> str:
        return self.name


class Company(models.Model):
    """A company that a tenant works for. Contacts, orders and addresses belong to one."""

    id = SerialField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.DO_NOTHING, related_name="companies", db_constraint=False, db_index=False
    )
    name = models.CharField()
    address = models.TextField(
        null=True, blank=True, help_text="Free text of the time before companies had addresses."
    )
    phone = models.CharField(null=True, blank=True)
    email = models.CharField(null=True, blank=True)
    created_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    updated_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    fax = models.CharField(max_length=50, null=True, blank=True)
    default_address = models.ForeignKey(
        "Address",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Kept equal to the address that is marked as default, in both directions.",
    )
    is_default = models.BooleanField(
        db_default=False,
        help_text="The restructuring placed contacts or orders here that had no company.",
    )

    class Meta:
        db_table = "companies"
        permissions = [("export_company", "Can export companies")]
        verbose_name_plural = "companies"
        indexes = [
            models.Index(fields=["id"], name="ix_companies_id"),
            models.Index(fields=["tenant"], name="ix_companies_tenant_id"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="uq_company_name_per_tenant"),
            ForeignKeyConstraint(field="tenant", name="companies_tenant_id_fkey"),
            ForeignKeyConstraint(
                field="default_address",
                name="fk_companies_default_address",
                on_delete="SET NULL",
            ),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(is_default=True),
                name="uq_companies_one_default_per_tenant",
                violation_error_message="This tenant has a default company already.",
            ),
            email_rule("ck_companies_email_format", "email"),
            length_rule("ck_companies_phone_format", "phone", 10),
            length_rule("ck_companies_fax_format", "fax", 10),
        ]

    def __str__(self) -> str:
        return self.name


class Address(models.Model):
    """An address of a company. At most one of a company's addresses is its default."""

    id = SerialField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.DO_NOTHING, related_name="addresses", db_constraint=False, db_index=False
    )
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="addresses", db_constraint=False, db_index=False
    )
    street_address = models.CharField(max_length=255)
    city = models.CharField(max_length=100)
    state = models.CharField(max_length=50)
    zip_code = models.CharField(max_length=20)
    country = models.CharField(max_length=100, db_default="USA")
    is_default = models.BooleanField(db_default=False)
    created_at = NaiveUTCDateTimeField(blank=True, db_default=DatabaseNow())

    class Meta:
        db_table = "addresses"
        verbose_name_plural = "addresses"
        indexes = [
            models.Index(fields=["tenant"], name="ix_addresses_tenant_id"),
            models.Index(fields=["company"], name="ix_addresses_company_id"),
            models.Index(fields=["company", "is_default"], name="ix_addresses_company_default"),
        ]
        constraints = [
            ForeignKeyConstraint(
                field="tenant", name="addresses_tenant_id_fkey", on_delete="CASCADE"
            ),
            ForeignKeyConstraint(
                field="company", name="addresses_company_id_fkey", on_delete="CASCADE"
            ),
            models.UniqueConstraint(
                fields=["company"],
                condition=models.Q(is_default=True),
                name="uq_addresses_one_default_per_company",
                violation_error_message="This company has a default address already.",
            ),
            length_rule("ck_addresses_zip_format", "zip_code", 3),
        ]

    def __str__(self) -> str:
        return f"{self.street_address}, {self.zip_code} {self.city}"
