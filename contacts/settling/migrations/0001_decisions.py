"""What people decide. It depends on nothing that is restructured, so it survives a rollback."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="NoContactWanted",
            fields=[
                ("order_id", models.IntegerField(primary_key=True, serialize=False)),
                ("user_id", models.IntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Action",
            fields=[
                (
                    "id",
                    models.AutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("reassign", "reassigned contacts"),
                            ("link", "linked orders"),
                            ("no contact", "marked orders"),
                            ("merge", "merged contacts"),
                        ],
                        max_length=20,
                    ),
                ),
                ("user_id", models.IntegerField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("told", models.TextField(help_text="What was done, as the person was told.")),
                ("undone_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["user_id", "at"], name="ix_settling_action_user")],
            },
        ),
        migrations.CreateModel(
            name="ActionRow",
            fields=[
                (
                    "id",
                    models.AutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table", models.CharField(max_length=63)),
                ("row_id", models.IntegerField()),
                ("tenant_id", models.IntegerField(null=True)),
                ("before", models.JSONField(null=True)),
                ("after", models.CharField(max_length=32, null=True)),
                (
                    "action",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="settling.action",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["table", "row_id"], name="ix_settling_actionrow_row")
                ],
            },
        ),
    ]
