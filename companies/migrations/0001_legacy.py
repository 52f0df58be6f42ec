"""The legacy tables `tenants` and `companies`, catalogue for catalogue.

On a real legacy database this migration is faked: the tables are there.
"""

from django.db import migrations, models

import jmsk.postgres.constraints
import jmsk.postgres.fields
from contacts.migration_operations import RefuseReverseOnRows


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", jmsk.postgres.fields.SerialField(primary_key=True, serialize=False)),
                ("name", models.CharField()),
                ("subdomain", models.CharField()),
                ("is_active", models.BooleanField(blank=True, db_default=True, null=True)),
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
                "db_table": "tenants",
                "indexes": [models.Index(fields=["id"], name="ix_tenants_id")],
                "constraints": [
                    jmsk.postgres.constraints.UniqueIndex(
                        fields=("subdomain",), name="ix_tenants_subdomain"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Company",
            fields=[
                ("id", jmsk.postgres.fields.SerialField(primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="companies",
                        to="companies.tenant",
                    ),
                ),
                ("name", models.CharField()),
                (
                    "address",
                    models.TextField(
                        blank=True,
                        help_text="Free text of the time before companies had addresses.",
                        null=True,
                    ),
                ),
                ("phone", models.CharField(blank=True, null=True)),
                ("email", models.CharField(blank=True, null=True)),
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
                "db_table": "companies",
                "verbose_name_plural": "companies",
                "indexes": [
                    models.Index(fields=["id"], name="ix_companies_id"),
                    models.Index(fields=["tenant"], name="ix_companies_tenant_id"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "name"), name="uq_company_name_per_tenant"
                    ),
                    jmsk.postgres.constraints.ForeignKeyConstraint(
                        field="tenant", name="companies_tenant_id_fkey"
                    ),
                ],
            },
        ),
        RefuseReverseOnRows("tenants", "companies"),
    ]
