"""The legacy table `customers`, catalogue for catalogue. Faked on a real legacy database."""

from django.db import migrations, models

import jmsk.constraints
import jmsk.fields
from jmsk.operations import RefuseReverseOnRows


class Migration(migrations.Migration):
    initial = True
    dependencies = [("companies", "0001_legacy")]
    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", jmsk.fields.SerialField(primary_key=True, serialize=False)),
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
                    jmsk.fields.NaiveUTCDateTimeField(
                        blank=True, db_default=jmsk.fields.DatabaseNow(), null=True
                    ),
                ),
                (
                    "updated_at",
                    jmsk.fields.NaiveUTCDateTimeField(
                        blank=True, db_default=jmsk.fields.DatabaseNow(), null=True
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
                    jmsk.constraints.ForeignKeyConstraint(
                        field="tenant", name="customers_tenant_id_fkey"
                    ),
                    jmsk.constraints.ForeignKeyConstraint(
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
