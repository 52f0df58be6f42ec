from django.db import migrations

from contacts.migration_operations import RefuseOutsideCommand


class Migration(migrations.Migration):
    """Name the rights to link and export. Changes no table.

    It is reversed before everything else of the restructuring, so it refuses as the last step does:
    a refused ``migrate`` must leave no migration unapplied.
    """

    dependencies = [("orders", "0003_triggers"), ("companies", "0004_permissions")]

    operations = [
        migrations.AlterModelOptions(
            "order",
            {
                "permissions": [
                    ("link_order", "Can link an order to a contact"),
                    ("export_order", "Can export orders"),
                ]
            },
        ),
        RefuseOutsideCommand("backwards"),
    ]
