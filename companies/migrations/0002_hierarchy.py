"""Give companies addresses, a fax number and the mark of a default company.

The first migration that restructures. Tables and columns come here, the rows in contacts.0003.
"""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

import jmsk.postgres.constraints
import jmsk.postgres.fields
from companies.address_policy import FOLLOW_COMPANIES
from companies.address_rights import OWN_LIKE_COMPANIES
from contacts.migration_operations import RefuseOutsideCommand, RememberLegacyState
from jmsk.postgres.operations import ConformToModel, GiveTypes


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0001_legacy"),
        ("orders", "0001_legacy"),
        ("contacts", "0002_restructuringrun"),
    ]
    operations = [
        RefuseOutsideCommand("forwards"),
        RememberLegacyState(
            tables={
                "companies": "companies.company",
                "customers": "contacts.customer",
                "orders": "orders.order",
            },
            added=[
                "ck_companies_email_format",
                "ck_companies_phone_format",
                "ck_contacts_email_format",
                "ck_contacts_phone_format",
                "contacts_company_id_fkey",
                "contacts_pkey",
                "contacts_tenant_id_fkey",
                "fk_orders_contact",
                "ix_contacts_company_id",
                "ix_contacts_email",
                "ix_contacts_id",
                "ix_contacts_tenant_company",
                "ix_contacts_tenant_id",
                "ix_orders_contact_id",
                "ix_orders_tenant_contact",
                "uq_contact_email_per_company",
            ],
        ),
        migrations.CreateModel(
            name="Address",
            fields=[
                ("id", jmsk.postgres.fields.SerialField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="addresses",
                        to="companies.tenant",
                    ),
                ),
                (
                    "company",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="addresses",
                        to="companies.company",
                    ),
                ),
                ("street_address", models.CharField(max_length=255)),
                ("city", models.CharField(max_length=100)),
                ("state", models.CharField(max_length=50)),
                ("zip_code", models.CharField(max_length=20)),
                ("country", models.CharField(db_default="USA", max_length=100)),
                ("is_default", models.BooleanField(db_default=False)),
                (
                    "created_at",
                    jmsk.postgres.fields.NaiveUTCDateTimeField(
                        blank=True, db_default=jmsk.postgres.fields.DatabaseNow()
                    ),
                ),
            ],
            options={
                "db_table": "addresses",
                "verbose_name_plural": "addresses",
                "indexes": [
                    models.Index(fields=["tenant"], name="ix_addresses_tenant_id"),
                    models.Index(fields=["company"], name="ix_addresses_company_id"),
                    models.Index(
                        fields=["company", "is_default"], name="ix_addresses_company_default"
                    ),
                ],
                "constraints": [
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="tenant", name="addresses_tenant_id_fkey", on_delete="CASCADE"
                    ),
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="company", name="addresses_company_id_fkey", on_delete="CASCADE"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("company",),
                        name="uq_addresses_one_default_per_company",
                        violation_error_message="This company has a default address already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(GreaterThanOrEqual(Length(models.F("zip_code")), 3)),
                        name="ck_addresses_zip_format",
                        violation_error_message="The zip code needs 3 characters or more.",
                    ),
                ],
            },
        ),
        GiveTypes("addresses", {"tenant_id": ("tenants", "id"), "company_id": ("companies", "id")}),
        migrations.RunSQL(OWN_LIKE_COMPANIES, migrations.RunSQL.noop),
        migrations.RunSQL(FOLLOW_COMPANIES, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="company",
            name="fax",
            field=models.CharField(blank=True, max_length=50, null=True),
        ),
        migrations.AddField(
            model_name="company",
            name="default_address",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Kept equal to the address that is marked as default, in both "
                "directions.",
                null=True,
                on_delete=models.DO_NOTHING,
                related_name="+",
                to="companies.address",
            ),
        ),
        migrations.AddField(
            model_name="company",
            name="is_default",
            field=models.BooleanField(
                db_default=False,
                help_text="The restructuring placed contacts or orders here that had no company.",
            ),
        ),
        migrations.AddConstraint(
            model_name="company",
            constraint=jmsk.postgres.constraints.ForeignKeyConstraint(
                field="default_address", name="fk_companies_default_address", on_delete="SET NULL"
            ),
        ),
        migrations.AddConstraint(
            model_name="company",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("tenant",),
                name="uq_companies_one_default_per_tenant",
                violation_error_message="This tenant has a default company already.",
            ),
        ),
        ConformToModel("company"),
    ]
