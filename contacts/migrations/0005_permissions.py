from django.db import migrations


class Migration(migrations.Migration):
    """Name the rights to reassign, settle and export. Changes no table."""

    dependencies = [("contacts", "0004_triggers"), ("orders", "0003_triggers")]

    operations = [
        migrations.AlterModelOptions(
            "contact",
            {
                "permissions": [
                    ("reassign_contact", "Can reassign contacts to another company"),
                    ("settle_contact", "Can settle an e-mail that was set aside"),
                    ("export_contact", "Can export contacts"),
                ]
            },
        ),
    ]
