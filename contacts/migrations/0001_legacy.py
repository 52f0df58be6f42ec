"""The legacy table `customers`, catalogue for catalogue. Faked on a real legacy database."""

from django.db import migrations, models

import jmsk.postgres.constraints
import jmsk.postgres.fields
from contacts.migration_operations import RefuseReverseOnRows


class Migration(migrations.Migration):
    initial = True
    dependencies = [("companies", "0001_legacy")]
    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", jmsk.postgres.fields.SerialField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="contacts",
                        to="companies.tenant",
                    ),
                ),
                ("name", models.CharField()),
                ("email", models.CharField()),
                ("phone", models.CharField(blank=True, null=True)),
                (
                    "company",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.DO_NOTHING,
                        related_name="contacts",
                        to="companies.company",
                    ),
                ),
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
                "db_table": "customers",
                "indexes": [
                    models.Index(fields=["id"], name="ix_customers_id"),
                    models.Index(fields=["tenant"], name="ix_customers_tenant_id"),
                    models.Index(fields=["email"], name="ix_customers_email"),
                    models.Index(fields=["company"], name="ix_customers_company_id"),
                ],
                "constraints": [
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="tenant", name="customers_tenant_id_fkey"
                    ),
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="company", name="customers_company_id_fkey"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "email"), name="uq_customer_email_per_tenant"
                    ),
                ],
            },
        ),
        RefuseReverseOnRows("customers"),
    ]
