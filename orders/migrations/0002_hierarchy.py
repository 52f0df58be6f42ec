"""Give every order its contact and its company.

`customer_id` becomes `contact_id`; `company_id` is the contact's company, or the tenant's default
company where the order has no contact. The name of who ordered need no longer be written down
beside the contact.
"""

from typing import Any

from django.db import migrations, models

from contacts.runs import latest_migration
from jmsk.postgres.constraints import ForeignKeyConstraint
from jmsk.postgres.operations import ConformToModel, DropNotNull
from jmsk.postgres.prepared import preparation
from jmsk.postgres.user_triggers import without_user_triggers

# Filled by a rewrite instead of an UPDATE: it fires no trigger, leaves no dead rows, and rebuilds
# each index once instead of touching it for every row. USING takes no subquery, so the companies
# come as constants: `width_bucket` finds the contact in the sorted array of ids.
FILL_COMPANY = """
DO $$
DECLARE
    company_type text;
    contact_type text;
    tenant_type text;
    contacts_ids text;
    contacts_companies text;
    tenants_ids text;
    tenants_companies text;
BEGIN
    SELECT max(atttypid::regtype::text) FILTER (WHERE attrelid = 'companies'::regclass),
           max(atttypid::regtype::text) FILTER (WHERE attrelid = 'contacts'::regclass),
           max(atttypid::regtype::text) FILTER (WHERE attrelid = 'tenants'::regclass)
      INTO company_type, contact_type, tenant_type FROM pg_attribute WHERE attname = 'id';
    SELECT array_agg(id ORDER BY id), array_agg(company_id ORDER BY id)
      INTO contacts_ids, contacts_companies FROM contacts;
    SELECT array_agg(tenant_id ORDER BY tenant_id), array_agg(id ORDER BY tenant_id)
      INTO tenants_ids, tenants_companies FROM companies WHERE is_default;
    EXECUTE format(
        'ALTER TABLE orders ALTER COLUMN company_id TYPE %1$s USING CASE '
        'WHEN contact_id IS NOT NULL '
        'THEN (%2$L::%1$s[])[width_bucket(contact_id, %3$L::%4$s[])] '
        'ELSE (%5$L::%1$s[])[width_bucket(tenant_id, %6$L::%7$s[])] END, '
        'ALTER COLUMN company_id SET NOT NULL',
        company_type, contacts_companies, coalesce(contacts_ids, '{0}'), contact_type,
        tenants_companies, coalesce(tenants_ids, '{0}'), tenant_type);
END $$;
"""
NAME_CUSTOMERS = """
    UPDATE orders SET customer_name = contacts.name FROM contacts
     WHERE contacts.id = orders.contact_id AND orders.customer_name IS NULL
"""


def name_customers(apps: Any, editor: Any) -> None:
    """Give orders without a customer's name that of their contact, if they had to have one."""
    run = latest_migration(apps, editor.connection.alias)
    remembered = run.legacy_objects.get("orders") if run else None
    if remembered and not remembered["not_null"]["customer_name"]:
        return
    with editor.connection.cursor() as cursor, without_user_triggers(cursor, "orders"):
        cursor.execute(NAME_CUSTOMERS)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def add_company(apps: Any, editor: Any) -> None:
    """Add the column and fill it, or take over the one that the online preparation has filled."""
    with editor.connection.cursor() as cursor:
        if preparation(editor) is not None:
            cursor.execute("ALTER TABLE orders ALTER COLUMN company_id DROP DEFAULT")
            return
        cursor.execute("ALTER TABLE orders ADD COLUMN company_id integer")
        cursor.execute(FILL_COMPANY)


RENAME_CUSTOMER = migrations.SeparateDatabaseAndState(
    database_operations=[
        migrations.RunSQL(
            "ALTER TABLE orders RENAME COLUMN customer_id TO contact_id",
            "ALTER TABLE orders RENAME COLUMN contact_id TO customer_id",
        ),
        DropNotNull("orders", "contact_id"),
    ],
    state_operations=[
        migrations.RemoveIndex("order", "ix_orders_customer_id"),
        migrations.RemoveConstraint("order", "orders_customer_id_fkey"),
        migrations.RenameField("order", "customer", "contact"),
    ],
)
ADD_COMPANY = migrations.SeparateDatabaseAndState(
    database_operations=[
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "ALTER TABLE orders DROP COLUMN company_id",
        ),
        migrations.RunPython(add_company, migrations.RunPython.noop),
    ],
    state_operations=[
        migrations.AddField(
            "order",
            "company",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.DO_NOTHING,
                related_name="orders",
                to="companies.company",
            ),
        ),
    ],
)
# Its writer names the contact instead. Backwards LegacyObjects knows whether it was NOT NULL.
LET_NAME_BE_NULL = migrations.SeparateDatabaseAndState(
    database_operations=[
        DropNotNull("orders", "customer_name"),
        migrations.RunPython(migrations.RunPython.noop, name_customers),
    ],
    state_operations=[
        migrations.AlterField("order", "customer_name", models.CharField(blank=True, null=True)),
    ],
)
# The names of the state only: ConformToModel gives the table the objects themselves.
INDEXES = {
    "ix_orders_contact_id": ["contact"],
    "ix_orders_company_id": ["company"],
    "ix_orders_tenant_company": ["tenant", "company"],
    "ix_orders_tenant_contact": ["tenant", "contact"],
}
NAMES = migrations.SeparateDatabaseAndState(
    state_operations=[
        *(
            migrations.AddIndex("order", models.Index(fields=fields, name=name))
            for name, fields in INDEXES.items()
        ),
        migrations.AddConstraint(
            "order",
            ForeignKeyConstraint(field="contact", name="fk_orders_contact", on_delete="SET NULL"),
        ),
        migrations.AddConstraint(
            "order",
            ForeignKeyConstraint(field="company", name="fk_orders_company", on_delete="RESTRICT"),
        ),
    ]
)


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_legacy"), ("contacts", "0003_hierarchy")]
    operations = [RENAME_CUSTOMER, LET_NAME_BE_NULL, ADD_COMPANY, NAMES, ConformToModel("order")]
