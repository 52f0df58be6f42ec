"""The table of runs. It comes before anything is restructured, so it survives a rollback."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_legacy")]
    operations = [
        migrations.CreateModel(
            name="RestructuringRun",
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
                            ("migration", "Migration"),
                            ("rollback", "Rollback"),
                            ("restore", "Restore"),
                            ("recovery", "Recovery"),
                            ("bridge", "Bridge"),
                            ("bridge dropped", "Bridge Dropped"),
                            ("repair", "Repair"),
                            ("enforcement", "Enforcement"),
                            ("preparation", "Preparation"),
                            ("abandonment", "Abandonment"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "transaction_id",
                    models.BigIntegerField(
                        help_text="The transaction (pg_current_xact_id) that committed the run.",
                        unique=True,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(help_text="Just before COMMIT.", null=True)),
                ("operating_system_user", models.CharField(max_length=255)),
                ("database_user", models.CharField(max_length=255)),
                ("backup_path", models.TextField(blank=True)),
                ("counts", models.JSONField(default=dict)),
                ("checks", models.JSONField(default=list)),
                ("fingerprints", models.JSONField(default=dict)),
                (
                    "durations",
                    models.JSONField(default=dict, help_text="Seconds a step took."),
                ),
                (
                    "created_companies",
                    models.JSONField(
                        default=list,
                        help_text="Ids of the default companies that the run created or restored.",
                    ),
                ),
                (
                    "alembic",
                    models.JSONField(
                        default=dict,
                        help_text="The revision that the run stamped, and those that stood before.",
                    ),
                ),
                (
                    "legacy_objects",
                    models.JSONField(
                        default=dict,
                        help_text="Names and definitions of what the run replaced, for the way "
                        "back.",
                    ),
                ),
            ],
            options={"ordering": ["-started_at"]},
        ),
    ]
