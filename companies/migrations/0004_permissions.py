from django.db import migrations


class Migration(migrations.Migration):
    """Name the right to export. Changes no table."""

    dependencies = [("companies", "0003_triggers"), ("contacts", "0005_permissions")]

    operations = [
        migrations.AlterModelOptions(
            "company",
            {
                "permissions": [("export_company", "Can export companies")],
                "verbose_name_plural": "companies",
            },
        ),
    ]
