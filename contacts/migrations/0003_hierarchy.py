"""Rename customers to contacts and give every one of them a company.

A contact without a company goes to its tenant's Default Company; of contacts that would then share
an e-mail within a company, the one with the lowest id keeps it and the others' is set aside.
"""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

import jmsk.postgres.constraints
from contacts.created_companies import going_companies, read_companies
from contacts.meaning import COMPANY, DEFAULT_COMPANY, EMAIL, STILL_PLACED
from contacts.restructuring.failures import Failure
from contacts.runs import created_rows, current_run
from jmsk.postgres.operations import (
    AddCheckRule,
    AdoptOrAddField,
    ConformToModel,
    DropNotNull,
    DropUniqueKeys,
)
from jmsk.postgres.prepared import made_early, preparation
from jmsk.postgres.sequences import (
    Sequence,
    feeding_sequences,
    free_values,
    read_position,
    restart,
)
from jmsk.postgres.table_state import read_positions
from jmsk.postgres.user_triggers import without_user_triggers

RENAME_TABLE = migrations.SeparateDatabaseAndState(
    database_operations=[
        migrations.RunSQL(
            "ALTER TABLE customers RENAME TO contacts", "ALTER TABLE contacts RENAME TO customers"
        ),
    ],
    state_operations=[
        migrations.RenameModel("Customer", "Contact"),
        migrations.AlterModelTable("contact", "contacts"),
    ],
)
NEEDING_A_DEFAULT_COMPANY = """
    SELECT tenant_id FROM contacts WHERE company_id IS NULL
    UNION
    SELECT tenant_id FROM orders WHERE customer_id IS NULL
    ORDER BY tenant_id
"""
REUSE = """
    UPDATE companies SET is_default = true
     WHERE id IN (SELECT min(id) FROM companies
                   WHERE name = %(name)s AND tenant_id = ANY(%(tenants)s) GROUP BY tenant_id)
    RETURNING tenant_id
"""
LAST_COMPANY = "SELECT greatest(0, max(id)) FROM companies"
CREATE = """
    INSERT INTO companies (id, tenant_id, name, is_default, created_at, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT id, tenant, %(name)s, true, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM unnest(%(ids)s::bigint[], %(tenants)s::bigint[]) AS missing (id, tenant)
"""
PLACE = """
    UPDATE contacts SET company_id = companies.id, placed_in_company_id = companies.id
      FROM companies
     WHERE contacts.company_id IS NULL
       AND companies.is_default AND companies.tenant_id = contacts.tenant_id
"""
SET_ASIDE = """
    UPDATE contacts SET email_set_aside = contacts.email, email = NULL
      FROM (SELECT tenant_id, company_id, email, min(id) AS keeper
              FROM contacts WHERE email IS NOT NULL
             GROUP BY tenant_id, company_id, email HAVING count(*) > 1) AS shared
     WHERE (contacts.tenant_id, contacts.company_id, contacts.email)
         = (shared.tenant_id, shared.company_id, shared.email)
       AND contacts.id <> shared.keeper
"""
TAKE_BACK = f"""
    UPDATE contacts
       SET email = {EMAIL}, company_id = {COMPANY}
     WHERE email_set_aside IS NOT NULL OR {STILL_PLACED}
"""
REMOVE = "DELETE FROM companies WHERE id = ANY(%s::bigint[])"


PREPARED_CREATE = """
    INSERT INTO companies (id, tenant_id, name, is_default, created_at, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT company_id, tenant_id, %s, true, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM jmsk_preparation_defaults AS d
     WHERE NOT reused AND {needed}
    RETURNING id
"""
PREPARED_REUSE = """
    UPDATE companies SET is_default = true FROM jmsk_preparation_defaults AS d
     WHERE companies.id = d.company_id AND d.reused AND {needed}
"""
NEEDED = """
    (EXISTS (SELECT 1 FROM contacts WHERE tenant_id = d.tenant_id AND company_id IS NULL)
     OR EXISTS (SELECT 1 FROM orders WHERE tenant_id = d.tenant_id AND customer_id IS NULL)
     OR EXISTS (SELECT 1 FROM contacts
                 WHERE company_id = d.company_id AND placed_in_company_id = d.company_id))
"""
"""Somebody may have put right, since its id was reserved, what a company was reserved for."""


def place(apps: Any, editor: Any) -> None:
    """Place what has no company, and set aside the e-mails that would then stand twice."""
    run = current_run(apps, editor.connection.alias)
    with (
        editor.connection.cursor() as cursor,
        without_user_triggers(cursor, "companies", "contacts"),
    ):
        notes = preparation(editor)
        is_prepared = notes is not None
        created = create_reserved(cursor) if is_prepared else create_needed(cursor)
        # What was made early, beside the working application, is remembered as it was made.
        early = made_early(notes)
        present = read_companies(cursor, [*created, *early])
        rows = {company: {**row, **early.get(company, {})} for company, row in present.items()}
        cursor.execute(PLACE)
        if not is_prepared:  # the legacy key, which a preparation asks for, holds there
            cursor.execute(SET_ASIDE)
        # The next statement alters the table, which pending deferred checks would not let it.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        left = read_positions(cursor, "companies") if rows else {}
    if run is not None:
        run.created_companies = sorted(rows)
        run.legacy_objects["companies"]["created"] = rows
        run.legacy_objects["companies"]["sequences_left"] = left
        run.save(update_fields=["created_companies", "legacy_objects"])


def create_reserved(cursor: Any) -> list[int]:
    """Create the default companies under the ids that the online preparation has reserved."""
    hold_sequences(cursor)
    cursor.execute(PREPARED_REUSE.format(needed=NEEDED))
    cursor.execute(PREPARED_CREATE.format(needed=NEEDED), [DEFAULT_COMPANY])
    return sorted(company for (company,) in cursor.fetchall())


def create_needed(cursor: Any) -> list[int]:
    """Create the default companies that are needed and not there; return their ids."""
    cursor.execute(NEEDING_A_DEFAULT_COMPANY)
    tenants = [tenant for (tenant,) in cursor.fetchall()]
    cursor.execute(REUSE, {"name": DEFAULT_COMPANY, "tenants": tenants})
    reused = {tenant for (tenant,) in cursor.fetchall()}
    return create_companies(cursor, [tenant for tenant in tenants if tenant not in reused])


def create_companies(cursor: Any, tenants: list[int]) -> list[int]:
    """Create the default companies of ``tenants``; return their ids.

    The ids are those that the sequence in the column's default would give next, less what is taken,
    and it is restarted behind them. It and the sequences of other columns come back with a
    rollback.
    """
    if not tenants:
        return []
    sequences = hold_sequences(cursor)
    created = next_ids(cursor, sequences.get("id"), len(tenants))
    cursor.execute(CREATE, {"ids": created, "name": DEFAULT_COMPANY, "tenants": tenants})
    return created


def hold_sequences(cursor: Any) -> dict[str, Sequence]:
    """Let what companies draw from sequences come back with a rollback; return them, by column."""
    sequences = feeding_sequences(cursor, "companies")
    for sequence in sequences.values():
        restart(cursor, sequence, read_position(cursor, sequence))
    return sequences


def next_ids(cursor: Any, sequence: Sequence | None, count: int) -> list[int]:
    """Take ``count`` ids from ``sequence``, or behind the highest where no sequence is known."""
    if sequence is None:
        cursor.execute(LAST_COMPANY)
        last = cursor.fetchone()[0] or 0
        return list(range(last + 1, last + 1 + count))
    # One more, so that what it gives next is free as well.
    found = free_values(cursor, "companies", sequence, count + 1)
    if len(found) < count:
        raise Failure(
            "MC302",
            f"Sequence {sequence.name} ends before {count} default companies have an id. "
            "Everything was rolled back: the database is as it was. Let it reach further.",
        )
    created, following = found[:count], found[count:]
    restart(cursor, sequence, [following[0], False] if following else [created[-1], True])
    return created


def take_back(apps: Any, editor: Any) -> None:
    """Undo :func:`place`: what a person has moved since stays where it is."""
    made = created_rows(apps, editor.connection.alias)
    tables = ("companies", "contacts")
    with editor.connection.cursor() as cursor, without_user_triggers(cursor, *tables):
        # E-mails that stood twice within a company in the legacy data come back to stand so again.
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT IF EXISTS uq_contact_email_per_company"
        )
        going = going_companies(cursor, made)
        cursor.execute(TAKE_BACK)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(REMOVE, [going])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# The names of the state only: ConformToModel gives the table the objects themselves.
NAMES = migrations.SeparateDatabaseAndState(
    state_operations=[
        migrations.RenameIndex(
            "contact", new_name=f"ix_contacts_{end}", old_name=f"ix_customers_{end}"
        )
        for end in ("id", "tenant_id", "email", "company_id")
    ]
    + [
        migrations.AddIndex(
            "contact", models.Index(fields=["tenant", "company"], name="ix_contacts_tenant_company")
        ),
    ]
    + [
        migrations.RemoveConstraint("contact", name)
        for name in (
            "customers_tenant_id_fkey",
            "customers_company_id_fkey",
            "uq_customer_email_per_tenant",
        )
    ]
    + [
        migrations.AddConstraint(
            "contact",
            jmsk.postgres.constraints.ForeignKeyConstraint(
                field=field, name=f"contacts_{field}_id_fkey"
            ),
        )
        for field in ("tenant", "company")
    ]
    + [
        migrations.AddConstraint(
            "contact",
            models.UniqueConstraint(
                fields=("tenant", "company", "email"),
                name="uq_contact_email_per_company",
                violation_error_message="A contact of this company has this e-mail already.",
            ),
        ),
    ]
)


class Migration(migrations.Migration):
    dependencies = [("companies", "0002_hierarchy"), ("contacts", "0002_restructuringrun")]
    operations = [
        RENAME_TABLE,
        migrations.SeparateDatabaseAndState(
            [DropNotNull("contacts", "email")],
            [migrations.AlterField("contact", "email", models.CharField(blank=True, null=True))],
        ),
        AdoptOrAddField(
            ("companies", "id"),
            "contact",
            "placed_in_company_id",
            models.IntegerField(
                blank=True,
                editable=False,
                help_text="The default company in which the restructuring placed this contact.",
                null=True,
            ),
        ),
        AdoptOrAddField(
            ("contacts", "email"),
            "contact",
            "email_set_aside",
            models.CharField(
                blank=True,
                editable=False,
                help_text="The e-mail, set aside because a contact with a lower id has the same.",
                null=True,
            ),
        ),
        DropUniqueKeys("contacts", ("tenant_id", "email")),
        migrations.RunPython(place, take_back),
        migrations.AlterField(
            "contact",
            "company",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.DO_NOTHING,
                related_name="contacts",
                to="companies.company",
            ),
        ),
        NAMES,
        ConformToModel("contact"),
        AddCheckRule(
            "contact",
            models.CheckConstraint(
                condition=models.Q(("email__regex", r"^[^@\s]+@[^@\s]+\.[^@\s]+$")),
                name="ck_contacts_email_format",
                violation_error_message="Enter an e-mail address such as name@example.com.",
            ),
        ),
        AddCheckRule(
            "contact",
            models.CheckConstraint(
                condition=models.Q(GreaterThanOrEqual(Length(models.F("phone")), 10)),
                name="ck_contacts_phone_format",
                violation_error_message="The phone needs 10 characters or more.",
            ),
        ),
    ]
