"""Contacts, and the record of every restructuring run."""

from django.db import models

from companies.models import Company, Tenant
from jmsk.postgres.check_rules import email_rule, length_rule
from jmsk.postgres.constraints import ForeignKeyConstraint
from jmsk.postgres.fields import DatabaseNow, NaiveUTCDateTimeField, SerialField
from jmsk.wording import moment


class Contact(models.Model):
    """A person at a company; a row of the former ``customers`` table, with its id."""

    id = SerialField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, models.DO_NOTHING, related_name="contacts", db_constraint=False, db_index=False
    )
    name = models.CharField()
    email = models.CharField(null=True, blank=True)
    phone = models.CharField(null=True, blank=True)
    company = models.ForeignKey(
        Company, models.DO_NOTHING, related_name="contacts", db_constraint=False, db_index=False
    )
    created_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    updated_at = NaiveUTCDateTimeField(null=True, blank=True, db_default=DatabaseNow())
    placed_in_company_id = models.IntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="The default company in which the restructuring placed this contact.",
    )
    email_set_aside = models.CharField(
        null=True,
        blank=True,
        editable=False,
        help_text="The e-mail, set aside because a contact with a lower id has the same.",
    )

    class Meta:
        db_table = "contacts"
        permissions = [
            ("reassign_contact", "Can reassign contacts to another company"),
            ("settle_contact", "Can settle an e-mail that was set aside"),
            ("export_contact", "Can export contacts"),
        ]
        indexes = [
            models.Index(fields=["id"], name="ix_contacts_id"),
            models.Index(fields=["tenant"], name="ix_contacts_tenant_id"),
            models.Index(fields=["email"], name="ix_contacts_email"),
            models.Index(fields=["company"], name="ix_contacts_company_id"),
            models.Index(fields=["tenant", "company"], name="ix_contacts_tenant_company"),
        ]
        constraints = [
            ForeignKeyConstraint(field="tenant", name="contacts_tenant_id_fkey"),
            ForeignKeyConstraint(field="company", name="contacts_company_id_fkey"),
            models.UniqueConstraint(
                fields=["tenant", "company", "email"],
                name="uq_contact_email_per_company",
                violation_error_message="A contact of this company has this e-mail already.",
            ),
            email_rule("ck_contacts_email_format", "email"),
            length_rule("ck_contacts_phone_format", "phone", 10),
        ]

    def __str__(self) -> str:
        return self.name


class RestructuringRun(models.Model):
    """One committed run: a migration, a rollback, a repair, a bridge. The audit trail.

    The row is written in the run's own transaction. Its table is made before anything is
    restructured, so it survives a rollback.
    """

    class Kind(models.TextChoices):
        MIGRATION = "migration"
        ROLLBACK = "rollback"
        RESTORE = "restore"
        RECOVERY = "recovery"
        BRIDGE = "bridge"
        BRIDGE_DROPPED = "bridge dropped"
        REPAIR = "repair"
        ENFORCEMENT = "enforcement"
        PREPARATION = "preparation"
        ABANDONMENT = "abandonment"

    kind = models.CharField(max_length=20, choices=Kind)
    transaction_id = models.BigIntegerField(
        unique=True, help_text="The transaction (pg_current_xact_id) that committed the run."
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="Just before COMMIT.")
    operating_system_user = models.CharField(max_length=255)
    database_user = models.CharField(max_length=255)
    backup_path = models.TextField(blank=True)
    counts = models.JSONField(default=dict)
    checks = models.JSONField(default=list)
    fingerprints = models.JSONField(default=dict)
    durations = models.JSONField(default=dict, help_text="Seconds a step took.")
    created_companies = models.JSONField(
        default=list, help_text="Ids of the default companies that the run created or restored."
    )
    alembic = models.JSONField(
        default=dict, help_text="The revision that the run stamped, and those that stood before."
    )
    legacy_objects = models.JSONField(
        default=dict, help_text="Names and definitions of what the run replaced, for the way back."
    )

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {moment(self.started_at)}"
